package import Primitives

/// A JWS in compact form (RFC 7515 §3.1), read but not yet believed: nothing of it counts before `isSigned` says so.
package struct JSONWebSignature: Sendable {
    package let header: JSONObject
    package let payload: JSONObject
    package let algorithm: SignatureAlgorithm
    private let signature: [UInt8]
    private let signingInput: [UInt8]

    /// The largest JWS read, in bytes (JAG-1).
    package static let maximumBytes = 16 * 1024

    /// - Throws: `.malformed` when it is not three base64url parts of JSON objects without duplicate keys, when the algorithm
    ///   is not one of ours, or when a header asks for what we do not do (`crit`, `b64`).
    package init(compact text: String) throws(CryptoError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.maximumBytes, parts.count == 3, let head = Base64.decode(parts[0]),
            let body = Base64.decode(parts[1]), let signature = Base64.decode(parts[2]),
            let header = (try? JSONValue(parsing: head))?.object, let payload = (try? JSONValue(parsing: body))?.object,
            let algorithm = header["alg"]?.string.flatMap(SignatureAlgorithm.init),
            header["crit"] == nil, header["b64"] == nil
        else { throw CryptoError(.malformed) }
        self.header = header
        self.payload = payload
        self.algorithm = algorithm
        self.signature = signature
        signingInput = Array(text.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
    }

    /// `typ`, lower-cased and without `application/` (RFC 7515 §4.1.9).
    package var type: String? {
        header["typ"]?.string.map { text in
            let lower = text.lowercased()
            return lower.hasPrefix("application/") ? String(lower.dropFirst(12)) : lower
        }
    }

    package func isSigned(by key: JSONWebKey) -> Bool { key.verifies(signature, of: signingInput, by: algorithm) }
}
