package import Primitives

/// Answers requests. Called on the connection's event loop: never block, hand blocking work to its own executor.
package protocol Responder: Sendable {
    /// The largest body this request may bring, in bytes; a longer one is answered 413 without reading it.
    /// Called once the head is parsed and before the body is read.
    func bodyLimit(for request: Request) -> Int

    /// Answers a request whose answer is at hand and needs no wait; nil for any other. Spares HTTP/2 a task.
    func respondAtOnce(to request: Request, in context: RequestContext) -> Response?

    /// Answers one request. The task is cancelled when the peer disconnects while this runs.
    func respond(to request: Request, in context: RequestContext) async -> Response
}

extension Responder {
    package func respondAtOnce(to request: Request, in context: RequestContext) -> Response? { nil }
}

/// What surrounds one request. Passed along, so that nothing is global; a class, because it is passed through every layer.
package final class RequestContext: Sendable {
    package let requestID: RequestID
    /// The client's address, after trusted proxies.
    package let peer: IPAddress
    /// True when the connection is TLS.
    package let isSecure: Bool
    /// Index of the event loop, below the count of loops: picks the loop's own shard of a cache.
    package let loopIndex: Int
    /// When the head of the request was complete.
    package let received: MonotonicTime
    /// The certificate the peer proved in our own handshake; nil when it showed none.
    package let clientCertificate: ClientCertificate?
    /// The loop as an executor, for work that must outlive the request's own task. Nil in tests without a loop.
    package let executor: (any TaskExecutor)?

    package init(
        requestID: RequestID, peer: IPAddress, isSecure: Bool, loopIndex: Int, received: MonotonicTime,
        clientCertificate: ClientCertificate? = nil, executor: (any TaskExecutor)? = nil
    ) {
        self.requestID = requestID
        self.peer = peer
        self.isSecure = isSecure
        self.loopIndex = loopIndex
        self.received = received
        self.clientCertificate = clientCertificate
        self.executor = executor
    }
}

/// Waiting without a thread. The event loop implements it with its own timers; tests drive it by hand.
package protocol Sleeper: Sendable {
    /// Suspends for that long. - Throws: `CancellationError` when the task is cancelled, at once.
    func sleep(for duration: Duration) async throws(CancellationError)
}
