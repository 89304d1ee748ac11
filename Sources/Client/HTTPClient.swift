internal import Primitives
internal import Synchronization

/// Outbound HTTP through libcurl on one thread of its own: keep-alive, bounded, without redirects, cookies or proxies.
/// Not for the proxy path, whose requests stay on their event loop.
package final class HTTPClient: Sendable {
    package struct Settings: Sendable {
        /// Certificates to trust beside none other; nil means the system's.
        package var caFile: String?
        /// Transfers running at once; further requests wait.
        package var maximumInFlight = 64
        /// Requests running and waiting; beyond it `.busy`.
        package var queueLimit = 256
        package var userAgent = "gatehouse"

        package init() {}
    }

    private let inbox: Inbox

    package init(_ settings: Settings = Settings()) {
        let inbox = Inbox(queueLimit: settings.queueLimit)
        self.inbox = inbox
        startThread { Worker(inbox: inbox, settings: settings).run() }
    }

    deinit { stop() }

    /// Requests running or waiting now.
    package var inFlight: Int { inbox.count }

    /// Ends every transfer with `.busy` and then the thread.
    package func stop() { inbox.stop() }

    /// Sends one request and waits for its whole answer, whatever its status.
    /// Cancelling the task aborts the transfer at once.
    package func send(_ request: OutboundRequest) async throws(ClientError) -> OutboundResponse {
        guard request.isSendable else { throw ClientError(.invalidRequest, detail: "the URL or a field has forbidden characters") }
        guard let id = inbox.reserve() else { throw ClientError(.busy, detail: "too many requests are waiting") }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                inbox.start(
                    Order(id: id, request: request, deadline: .now() + request.timeout) { continuation.resume(returning: $0) })
            }
        } onCancel: {
            inbox.cancel(id)
        }
        return try result.get()
    }
}

/// A request on its way to the thread. `finish` is called exactly once.
struct Order: Sendable {
    let id: UInt64
    let request: OutboundRequest
    let deadline: MonotonicTime
    let finish: @Sendable (Result<OutboundResponse, ClientError>) -> Void

    init(
        id: UInt64, request: OutboundRequest, deadline: MonotonicTime,
        finish: @escaping @Sendable (Result<OutboundResponse, ClientError>) -> Void
    ) {
        self.id = id
        self.request = request
        self.deadline = deadline
        self.finish = finish
    }
}
