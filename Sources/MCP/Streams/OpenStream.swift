internal import Synchronization

/// One event stream that stays open without saying much: what its task waits on. A continuation and no timer of its own, so
/// that thousands cost little.
package final class OpenStream: Sendable {
    package enum Signal: Sendable {
        /// Time for a comment line, and to ask whether the credential still stands.
        case keepAlive
        /// The server goes: say the last words.
        case closing
        /// The client went away.
        case gone
    }

    private struct State {
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
                    if let pending = state.pending {
                        state.pending = nil
                        return pending
                    }
                    state.waiter = continuation
                    return nil
                }
                if let signal { continuation.resume(returning: signal) }
            }
        } onCancel: {
            send(.gone)
        }
    }

    /// Wakes whoever waits, or leaves the signal for the next wait. A keep-alive never takes the place of an end.
    package func send(_ signal: Signal) {
        let waiter = state.withLock { state -> CheckedContinuation<Signal, Never>? in
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            if state.pending == nil || state.pending == .keepAlive { state.pending = signal }
            return nil
        }
        waiter?.resume(returning: signal)
    }
}
