import HTTP
import Primitives

/// What the tests of this target put into requests.
extension RequestContext {
    static let sample = RequestContext.from("192.0.2.1")

    static func from(_ address: String, at nanoseconds: Int64 = 0) -> RequestContext {
        RequestContext(
            requestID: RequestID("req-1"), peer: IPAddress(address)!, isSecure: true, loopIndex: 0,
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
