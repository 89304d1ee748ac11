package import Primitives

/// One request and its answer within an HTTP/2 connection. Not `Sendable`: it lives on its connection's loop.
package final class HTTP2Stream {
    package let id: Int32
    package internal(set) var request = Request(method: .get, path: "/")
    /// What is wrong with the request; the first thing found.
    package internal(set) var refusal: RequestRefusal?
    /// Body bytes received so far, for the least rate.
    package internal(set) var bodyReceived = 0
    /// When the head was complete.
    package internal(set) var received = MonotonicTime(nanoseconds: 0)
    /// When the peer last moved this stream on: a piece of the body came, or a piece of the answer left.
    package internal(set) var movedAt = MonotonicTime(nanoseconds: 0)
    /// For the owner: who answers this stream.
    package var context: AnyObject?

    /// The head or the body is still to come.
    package internal(set) var isReceiving = true
    package internal(set) var isClosed = false
    package internal(set) var isAnswered = false
    /// The client waits for 100 before it sends the body.
    var expectsContinue = false

    // MARK: The head as it comes

    var hasHead = false
    var fieldBytes = 0
    var fieldCount = 0
    var authority: [UInt8]?
    var contentLength: Int?
    var hostCount = 0
    var bodyLimit = 0

    // MARK: The answer as it leaves

    var pending: [UInt8] = []
    var offset = 0
    /// More may follow what is pending.
    var isProducing = false
    /// nghttp2 waits to be told that there is more.
    var isDeferred = false
    /// Place among its connection's streams.
    var place = 0

    init(id: Int32) { self.id = id }

    /// Bytes of the answer that wait for the peer to make room.
    package var hasPending: Bool { offset < pending.count }
}
