package import HTTP
package import Primitives

/// One request to somebody else's server.
package struct OutboundRequest: Sendable {
    package var method: Method
    /// Absolute, `http` or `https`, without user info. Sent as written: dot segments are not resolved.
    package var url: String
    package var fields: [(String, String)]
    /// Fields whose values are wiped from our own memory after use.
    package var secretFields: [(String, Secret)]
    package var body: [UInt8]
    /// Until connection and handshake are complete.
    package var connectTimeout: Duration
    /// For everything, time in the queue included.
    package var timeout: Duration
    /// In bytes; an answer that grows longer is cut off and fails with `.tooLarge`.
    package var maximumResponseBytes: Int
    /// Where to connect, on a connection of its own, whatever the name resolves to; SNI, `Host` and the certificate check
    /// still go by the name. Nil asks the resolver.
    package var pinnedAddress: IPAddress?
    /// False keeps the request off connections used before: when such a one has died, libcurl sends again by itself, which
    /// for a request that spends or destroys must not happen.
    package var isRepeatable: Bool

    package init(
        _ method: Method, _ url: String, fields: [(String, String)] = [], secretFields: [(String, Secret)] = [], body: [UInt8] = [],
        connectTimeout: Duration = .seconds(5), timeout: Duration = .seconds(30), maximumResponseBytes: Int = 8 << 20,
        isRepeatable: Bool = true
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.secretFields = secretFields
        self.body = body
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.maximumResponseBytes = maximumResponseBytes
        self.isRepeatable = isRepeatable
    }

    /// True when every field is a token and a value on one line (RFC 9110 §5): nothing can end a field line early.
    var isSendable: Bool {
        func isToken(_ name: String) -> Bool {
            !name.isEmpty
                && name.utf8.allSatisfy { byte in
                    byte > 0x20 && byte < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
                }
        }
        func isValue(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        return !url.utf8.contains { $0 <= 0x20 || $0 >= 0x7F } && maximumResponseBytes >= 0
            && fields.allSatisfy { isToken($0.0) && isValue(Array($0.1.utf8)) }
            && secretFields.allSatisfy { field in isToken(field.0) && field.1.expose { isValue($0) } }
    }
}

/// What came back.
package struct OutboundResponse: Sendable {
    package let status: Int
    package let fields: Fields
    package let body: [UInt8]
}
