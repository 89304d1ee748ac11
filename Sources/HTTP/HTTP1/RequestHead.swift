/// What the head of an HTTP/1 request settled besides the `Request` itself.
package struct RequestHead: Sendable, Equatable {
    package enum Framing: Sendable, Equatable {
        case none
        /// In bytes, at least 1 and at most 2^53.
        case length(Int)
        case chunked
    }

    /// Bytes of the head, the empty line included.
    package var length = 0
    package var framing = Framing.none
    /// HTTP/1.0: no chunked answers, and the connection ends with this one.
    package var isVersion10 = false
    /// The client did not ask to close (RFC 9112 §9.3).
    package var persists = true
    /// The client waits for 100 before it sends the body (RFC 9110 §10.1.1).
    package var expectsContinue = false

    package init() {}
}

/// Bounds of a request head. Exceeding one refuses the request: 414 for the line, 431 for the others.
package struct RequestHeadLimits: Sendable {
    /// The request line in bytes, line end not counted.
    package var requestLine = 16 * 1024
    /// All field lines with their line ends, in bytes.
    package var fieldBlock = 32 * 1024
    /// Count of field lines.
    package var fields = 100

    package init() {}
}
