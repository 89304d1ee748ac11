/// Bounds of one HTTP/2 connection (HTTP-3).
package struct HTTP2Limits: Sendable {
    /// Streams a peer may have open at once; more are refused, which is safe to retry.
    package var streams: UInt32 = 100
    /// Names, values and 32 for each field, as RFC 9113 §6.5.2 counts. Beyond it the request is answered 431.
    package var fieldBlock = 32 * 1024
    /// Count of fields of one request.
    package var fields = 100
    /// Bytes a peer may send on a stream, and on the connection, before we have taken them.
    package var streamWindow: Int32 = 256 * 1024
    package var connectionWindow: Int32 = 1024 * 1024
    /// Bytes of request bodies one connection may have us hold, over all its streams. Beyond it requests are answered 503.
    package var heldBodies = 8 * 1024 * 1024
    /// What a peer may spend on frames that cost us more than it (see `FloodGuard`).
    package var patience = 400
    package var patiencePerSecond = 100

    package init() {}
}
