package import Primitives
internal import Synchronization

/// Stops asking an upstream that keeps failing: after `threshold` failures in a row for a while, then one call tries.
package final class CircuitBreaker: Sendable {
    package static let threshold = 5
    static let shortest = Duration.seconds(5)
    static let longest = Duration.seconds(60)

    package enum Health: String, Sendable {
        /// Not asked yet.
        case unknown
        case ok
        /// The last call failed.
        case failing
        /// Not asked for now.
        case open
    }

    private struct State {
        var failures = 0
        var wait = CircuitBreaker.shortest
        var opensUntil: MonotonicTime?
        var isProbing = false
        var hasSucceeded = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Nil when a call may go, else how long to wait. A call that may go must be followed by `succeeded` or `failed`.
    package func admit(at now: MonotonicTime) -> Duration? {
        state.withLock { state in
            guard let end = state.opensUntil else { return nil }
            guard now >= end, !state.isProbing else { return max(.milliseconds(500), end - now) }
            state.isProbing = true
            return nil
        }
    }

    package func succeeded() {
        state.withLock { state in
            state = State()
            state.hasSucceeded = true
        }
    }

    package func failed(at now: MonotonicTime) {
        state.withLock { state in
            state.failures += 1
            guard state.failures >= Self.threshold else { return }
            if state.isProbing { state.wait = min(Self.longest, state.wait * 2) }
            state.isProbing = false
            state.opensUntil = now + state.wait
        }
    }

    package var health: Health {
        state.withLock { state in
            if state.opensUntil != nil { return .open }
            return state.failures > 0 ? .failing : state.hasSucceeded ? .ok : .unknown
        }
    }
}
