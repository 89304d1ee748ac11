internal import Synchronization

/// One event stream that stays open without saying much: what its task waits on. A continuation and no timer of its own, so
/// that thousands cost little.
package final class OpenStream: Sendable {
    package enum Signal: Sendable, Equatable {
        /// Something to send: a whole event.
        case event([UInt8])
        /// Time for a comment line, and to ask whether the credential still stands.
        case keepAlive
        /// The server goes: say the last words.
        case closing
        /// Nothing more follows; what was queued before came first.
        case ended
        /// The client went away, or reads so slowly that events were lost.
        case gone

        /// Of two that wait the higher one stays: an end never gives way to a keep-alive.
        fileprivate var rank: Int {
            switch self {
            case .event, .keepAlive: 0
            case .closing: 1
            case .ended: 2
            case .gone: 3
            }
        }
    }

    /// Events that wait for a slow reader; one more ends the stream, for a gap would go unnoticed.
    static let capacity = 256

    private struct State {
        var events: [[UInt8]] = []
        var pending: Signal?
        var waiter: CheckedContinuation<Signal, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Waits for the next signal; `.gone` when the waiting task is cancelled. One task waits at a time.
    package func next() async -> Signal {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let signal = state.withLock { state -> Signal? in
                    if Task.isCancelled { return .gone }
                    if let signal = Self.take(&state) { return signal }
                    state.waiter = continuation
                    return nil
                }
                if let signal { continuation.resume(returning: signal) }
            }
        } onCancel: {
            send(.gone)
        }
    }

    private static func take(_ state: inout State) -> Signal? {
        if state.pending == .gone { return .gone }
        if !state.events.isEmpty { return .event(state.events.removeFirst()) }
        defer { state.pending = nil }
        return state.pending
    }

    /// Wakes whoever waits, or leaves the signal for the next wait.
    package func send(_ signal: Signal) {
        let waiter = state.withLock { state -> CheckedContinuation<Signal, Never>? in
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            if signal.rank > (state.pending?.rank ?? -1) { state.pending = signal }
            return nil
        }
        waiter?.resume(returning: signal)
    }

    /// Queues one event. The same one again, still unsent, says nothing new and is left out.
    func push(_ event: [UInt8], isRepeatable: Bool = false) {
        let (waiter, signal) = state.withLock { state -> (CheckedContinuation<Signal, Never>?, Signal) in
            if let waiter = state.waiter {
                state.waiter = nil
                return (waiter, .event(event))
            }
            if state.events.count >= Self.capacity {
                state.pending = .gone
            } else if isRepeatable || !state.events.contains(event) {
                state.events.append(event)
            }
            return (nil, .gone)
        }
        waiter?.resume(returning: signal)
    }
}
