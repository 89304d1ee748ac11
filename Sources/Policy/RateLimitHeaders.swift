internal import Primitives

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers; RL-4), for one or more policies.
package struct RateLimitHeaders: Sendable {
    private var policies: [UInt8] = []
    private var states: [UInt8] = []

    package init() {
        policies.reserveCapacity(64)
        states.reserveCapacity(64)
    }

    /// Adds one policy and where its limit stands.
    package mutating func add(_ name: StaticString, _ quota: Quota, _ verdict: GCRA.Verdict) {
        if !policies.isEmpty {
            policies.append(", ")
            states.append(", ")
        }
        Self.begin(name, &policies)
        policies.append(";q=")
        policies.append(decimal: quota.rate)
        policies.append(";w=")
        policies.append(decimal: max(1, quota.window.components.seconds))
        Self.begin(name, &states)
        states.append(";r=")
        states.append(decimal: verdict.remaining)
        states.append(";t=")
        states.append(decimal: verdict.wait.secondsRoundedUp)
    }

    package var isEmpty: Bool { policies.isEmpty }
    /// The value of `RateLimit-Policy`.
    package var policy: [UInt8] { policies }
    /// The value of `RateLimit`.
    package var state: [UInt8] { states }

    private static func begin(_ name: StaticString, _ out: inout [UInt8]) {
        out.append("\"")
        out.append(name)
        out.append("\"")
    }
}
