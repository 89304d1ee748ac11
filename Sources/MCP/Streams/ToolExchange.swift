internal import HTTP
internal import Primitives
internal import Synchronization

/// The meeting point of a running tool and the answer being sent: progress on its way out, and the end.
/// One producer (the tool), one consumer (the response). At most `capacity` notifications wait; older ones give way,
/// since the newest progress tells all.
final class ToolExchange: Sendable {
    static let capacity = 64

    enum Signal: Sendable {
        case notification([UInt8])
        case finished(ToolEnd)
        /// The server goes and cannot wait for the tool any longer.
        case interrupted
        /// Nothing happened within the time given.
        case quiet
    }

    private struct State {
        var notifications: [[UInt8]] = []
        var end: ToolEnd?
        var isInterrupted = false
        var lastProgress = -Double.infinity
        var waiter: CheckedContinuation<Void, Never>?
        var isReady: Bool { end != nil || isInterrupted || !notifications.isEmpty }
    }

    private let state = Mutex(State())
    private let progressToken: JSONValue?

    init(progressToken: JSONValue?) { self.progressToken = progressToken }

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
            if state.notifications.count == Self.capacity { state.notifications.removeFirst() }
            state.notifications.append(bytes)
            return true
        }
    }

    /// Ends the exchange; the consumer still gets what was queued before.
    func finish(_ end: ToolEnd) {
        wake { state in
            state.end = end
            return true
        }
    }

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
            if !state.notifications.isEmpty { return .notification(state.notifications.removeFirst()) }
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

/// How a tool ended, as the answer needs it.
struct ToolEnd: Sendable {
    let result: ToolResult
    /// False when the outcome could not be recorded; then the answer is 503.
    let isRecorded: Bool
}
