import HTTP
import Primitives

/// What the tests of this target put into requests.
extension RequestContext {
    static let sample = RequestContext.from("192.0.2.1")

    static func from(_ address: String, at nanoseconds: Int64 = 0) -> RequestContext {
        RequestContext(
            requestID: RequestID("req-1"), peer: .sample(address), isSecure: true, loopIndex: 0,
            received: MonotonicTime(nanoseconds: nanoseconds))
    }
}

extension Request {
    static func get(_ path: String, _ fields: [(FieldName, String)] = []) -> Request { make(.get, path, fields) }

    static func make(_ method: HTTP.Method, _ path: String, _ fields: [(FieldName, String)] = [], body: String = "") -> Request {
        var all = Fields()
        for (name, value) in fields { all.append(name, value) }
        return Request(method: method, path: path, fields: all, body: Array(body.utf8))
    }
}

extension IPAddress {
    /// The address of that text. - Precondition: it is one; a test's own mistake otherwise.
    static func sample(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }
}

extension Network {
    /// The block of that text. - Precondition: it is one.
    static func sample(_ text: String) -> Network {
        guard let network = Network(text) else { preconditionFailure("\(text) is no block") }
        return network
    }
}
