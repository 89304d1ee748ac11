internal import HTTP
internal import Primitives
internal import Synchronization

/// The meeting point of a running handler and the answer being sent: messages on their way out, and the end.
/// One producer (the handler), one consumer (the response). At most `capacity` notifications wait; older ones give way, since the
/// newest progress tells all. Requests to the client are never dropped: the handler waits for their answers.
final class ToolExchange: Sendable {
    static let capacity = 64

    enum Signal: Sendable {
        case message([UInt8])
        /// Let go of the client's connection; it comes back after so many milliseconds.
        case pause(Int64)
        case finished(ToolEnd)
        /// The server goes and cannot wait for the tool any longer.
        case interrupted
        /// Nothing happened within the time given.
        case quiet
    }

    private enum Item {
        case notification([UInt8])
        case request([UInt8])
        case pause(Int64)

        var signal: Signal {
            switch self {
            case .notification(let bytes), .request(let bytes): .message(bytes)
            case .pause(let milliseconds): .pause(milliseconds)
            }
        }
    }

    private struct State {
        var items: [Item] = []
        var end: ToolEnd?
        var isInterrupted = false
        var lastProgress = -Double.infinity
        var waiter: CheckedContinuation<Void, Never>?
        var isReady: Bool { end != nil || isInterrupted || !items.isEmpty }

        mutating func queue(notification bytes: [UInt8]) {
            if items.count >= ToolExchange.capacity,
                let oldest = items.firstIndex(where: { if case .notification = $0 { true } else { false } })
            {
                items.remove(at: oldest)
            }
            items.append(.notification(bytes))
        }
    }

    private let state = Mutex(State())
    private let progressToken: JSONValue?
    /// Log messages below this are not sent; nil sends none.
    private let logLevel: LogLevel?

    init(progressToken: JSONValue?, logLevel: LogLevel? = nil) {
        self.progressToken = progressToken
        self.logLevel = logLevel
    }

    /// Queues one progress notification. Dropped when nobody asked, when it does not rise, or after the end.
    func progress(_ value: Double, total: Double?, message: String?) {
        guard let progressToken else { return }
        var params = JSONObject()
        params.append("progressToken", progressToken)
        params.append("progress", .double(value))
        if let total { params.append("total", .double(total)) }
        if let message { params.append("message", .string(message)) }
        let bytes = RPCReply.notification("notifications/progress", .object(params))
        wake { state in
            guard state.end == nil, value > state.lastProgress else { return false }
            state.lastProgress = value
            state.queue(notification: bytes)
            return true
        }
    }

    /// Queues one log message, when somebody asked for its level.
    func log(_ level: LogLevel, _ data: JSONValue, logger: String?) {
        guard let logLevel, level >= logLevel else { return }
        var params = JSONObject([("level", .string(level.name))])
        if let logger { params.append("logger", .string(logger)) }
        params.append("data", data)
        let bytes = RPCReply.notification("notifications/message", .object(params))
        wake { state in
            guard state.end == nil else { return false }
            state.queue(notification: bytes)
            return true
        }
    }

    /// Queues a request of ours to a legacy client.
    func ask(_ bytes: [UInt8]) { add(.request(bytes)) }

    func pause(retryAfter: Duration) { add(.pause(retryAfter.milliseconds)) }

    private func add(_ item: Item) {
        wake { state in
            guard state.end == nil else { return false }
            state.items.append(item)
            return true
        }
    }

    /// Ends the exchange; the consumer still gets what was queued before. Only the first end counts.
    func finish(_ end: ToolEnd) {
        wake { state in
            if state.end == nil { state.end = end }
            return true
        }
    }

    var isFinished: Bool { state.withLock { $0.end != nil } }

    /// Tells the consumer not to wait for the end any longer.
    func interrupt() {
        wake { state in
            state.isInterrupted = true
            return true
        }
    }

    /// The next thing to send, waiting at most `limit`. `.quiet` also when the consuming task is cancelled.
    func next(atMost limit: Duration, _ sleeper: any Sleeper) async -> Signal {
        if let signal = take() { return signal }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilReady() }
            group.addTask { try? await sleeper.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        return take() ?? .quiet
    }

    private func take() -> Signal? {
        state.withLock { state in
            if !state.items.isEmpty { return state.items.removeFirst().signal }
            if let end = state.end { return .finished(end) }
            return state.isInterrupted ? .interrupted : nil
        }
    }

    private func waitUntilReady() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isReady || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake { _ in true }
        }
    }

    private func wake(_ change: (inout State) -> Bool) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard change(&state) else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}

/// How a handler ended, as the answer needs it.
struct ToolEnd: Sendable {
    enum Body: Sendable {
        case result(ToolResult)
        /// Any other result, its members not yet those of an era.
        case members(JSONObject)
        case error(RPCError)
        /// Cancelled by the client's word: nothing is answered any more (mcp.md §4.4).
        case silence
    }

    let body: Body
    /// False when the outcome could not be recorded; then the answer is 503.
    let isRecorded: Bool
}
