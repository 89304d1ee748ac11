package import Primitives

/// So many requests in a window, with a burst on top of the steady rate.
package struct Quota: Sendable, Hashable {
    /// Requests per `window`, at least 1.
    package let rate: Int
    package let window: Duration
    /// How many may come at once, at least 1.
    package let burst: Int
    /// Nanoseconds between two requests of the steady rate.
    let interval: Int64
    /// The window in whole seconds, at least 1.
    let seconds: Int64

    package init(rate: Int, window: Duration, burst: Int) {
        self.rate = max(1, rate)
        self.window = window
        self.burst = max(1, burst)
        // Computed once: a `Duration` divides 128-bit numbers.
        let parts = window.components
        interval = max(1, (parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000) / Int64(self.rate))
        seconds = max(1, parts.seconds)
    }

    /// The same limit for a crowd behind one address (RL-3).
    package func multiplied(by factor: Int) -> Quota { Quota(rate: rate * factor, window: window, burst: burst * factor) }
}

/// The generic cell rate algorithm of RL-1: one number per key says all.
package enum GCRA {
    package struct Verdict: Sendable, Hashable {
        package let isAllowed: Bool
        /// Requests that would pass right now, after this one.
        package let remaining: Int
        /// Until the limit is whole again when allowed; until one request passes when not. In nanoseconds.
        let nanoseconds: Int64

        package var wait: Duration { .nanoseconds(nanoseconds) }
        /// The wait in whole seconds, rounded up.
        var seconds: Int64 { (nanoseconds + 999_999_999) / 1_000_000_000 }
    }

    /// - Parameters:
    ///   - arrival: the theoretical arrival time kept for the key, in nanoseconds of the monotonic clock; 0 for a new key.
    /// - Returns: the verdict and the value to keep; a refused request keeps the old one.
    package static func judge(_ quota: Quota, arrival: Int64, at now: MonotonicTime) -> (Verdict, Int64) {
        let interval = quota.interval
        let tolerance = interval * Int64(quota.burst)
        let next = max(arrival, now.nanoseconds) + interval
        guard next - now.nanoseconds <= tolerance else {
            return (Verdict(isAllowed: false, remaining: 0, nanoseconds: next - now.nanoseconds - tolerance), arrival)
        }
        let remaining = Int((tolerance - (next - now.nanoseconds)) / interval)
        return (Verdict(isAllowed: true, remaining: remaining, nanoseconds: next - now.nanoseconds), next)
    }
}
