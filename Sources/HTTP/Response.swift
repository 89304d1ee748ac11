package import Primitives

/// One answer. Framing (`Content-Length`, `Transfer-Encoding`, `Date`, `Connection`) is the connection's business.
package struct Response: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Produced while it is sent; ends when the producer returns.
        case stream(BodyProducer)
    }

    package var status: Status
    package var fields: Fields
    package var body: Body
    /// What happened on the way to this answer; `App` writes it to the audit log before the answer leaves.
    package var events: [Event]

    package init(_ status: Status, fields: Fields = Fields(), body: Body = .none, events: [Event] = []) {
        self.status = status
        self.fields = fields
        self.body = body
        self.events = events
    }

    /// A copy that carries one more event.
    package func recording(_ event: Event) -> Response {
        var copy = self
        copy.events.append(event)
        return copy
    }

    /// The same for several, in their order.
    package func recording(_ events: [Event]) -> Response {
        var copy = self
        copy.events += events
        return copy
    }

    /// A copy with one more field line.
    package func with(_ name: FieldName, _ value: String) -> Response {
        var copy = self
        copy.fields.append(name, value)
        return copy
    }
}

/// Writes a body piece by piece on the connection's own task. Returning ends the body.
package typealias BodyProducer = @Sendable (any BodyWriter) async -> Void

/// Where a streamed body goes. `write` suspends while the peer is slow, so a producer never outruns its reader.
package protocol BodyWriter: Sendable {
    /// Sends one piece and flushes it. - Throws: `BodyClosed` once the peer is gone; then stop producing.
    func write(_ bytes: [UInt8]) async throws(BodyClosed)

    /// Says that nothing follows for seconds: memory kept for the next piece may go. Costs a little; not between pieces that
    /// follow each other.
    func rest() async

    /// Ends the connection without ending the body, so that the peer sees an answer cut off.
    func breakOff() async
}

extension BodyWriter {
    package func rest() async {}
    package func breakOff() async {}
}

/// The peer went away or was too slow; nothing more can be sent.
package struct BodyClosed: Error, Sendable { package init() {} }

/// Status codes of RFC 9110 §15 this product answers with.
package struct Status: Sendable, Hashable {
    package let code: UInt16
    package init(_ code: UInt16) { self.code = code }

    package static let ok = Status(200)
    package static let created = Status(201)
    package static let accepted = Status(202)
    package static let noContent = Status(204)
    package static let partialContent = Status(206)
    package static let multiStatus = Status(207)
    package static let seeOther = Status(303)
    package static let notModified = Status(304)
    package static let badRequest = Status(400)
    package static let unauthorized = Status(401)
    package static let paymentRequired = Status(402)
    package static let forbidden = Status(403)
    package static let notFound = Status(404)
    package static let methodNotAllowed = Status(405)
    package static let requestTimeout = Status(408)
    package static let conflict = Status(409)
    package static let preconditionFailed = Status(412)
    package static let contentTooLarge = Status(413)
    package static let uriTooLong = Status(414)
    package static let unsupportedMediaType = Status(415)
    package static let rangeNotSatisfiable = Status(416)
    package static let expectationFailed = Status(417)
    package static let misdirectedRequest = Status(421)
    package static let tooManyRequests = Status(429)
    package static let fieldsTooLarge = Status(431)
    package static let internalServerError = Status(500)
    package static let notImplemented = Status(501)
    package static let serviceUnavailable = Status(503)
    package static let versionNotSupported = Status(505)

    /// The phrase HTTP/1.1 sends; has no meaning to anyone.
    package var reason: StaticString {
        switch code {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 207: "Multi-Status"
        case 303: "See Other"
        case 304: "Not Modified"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}

extension Response {
    /// A JSON answer.
    package static func json(_ value: JSONValue, status: Status = .ok) -> Response {
        Response(status, fields: [(.contentType, "application/json")], body: .bytes(value.serialized))
    }

    /// A plain-text answer.
    package static func text(_ text: String, status: Status = .ok) -> Response {
        Response(status, fields: [(.contentType, "text/plain; charset=utf-8")], body: .bytes(Array(text.utf8)))
    }

    /// A copy no cache may keep (COM-6).
    package var uncached: Response { with(.cacheControl, "no-store").with(FieldName("pragma"), "no-cache") }
}
