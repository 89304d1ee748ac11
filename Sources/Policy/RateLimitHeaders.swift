package import Primitives

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers; RL-4), for one or more policies.
package struct RateLimitHeaders: ~Copyable {
    /// The value of `RateLimit-Policy`.
    package private(set) var policy = ByteWriter(capacity: 128)
    /// The value of `RateLimit`.
    package private(set) var state = ByteWriter(capacity: 128)

    package init() {}

    package var isEmpty: Bool { policy.count == 0 }

    /// Adds one policy and where its limit stands.
    package mutating func add(_ name: StaticString, _ quota: Quota, _ verdict: GCRA.Verdict) {
        if !isEmpty {
            policy.append(", ")
            state.append(", ")
        }
        Self.begin(name, &policy)
        policy.append(";q=")
        policy.append(decimal: quota.rate)
        policy.append(";w=")
        policy.append(decimal: Int(quota.seconds))
        Self.begin(name, &state)
        state.append(";r=")
        state.append(decimal: verdict.remaining)
        state.append(";t=")
        state.append(decimal: Int(verdict.seconds))
    }

    private static func begin(_ name: StaticString, _ out: inout ByteWriter) {
        out.append("\"")
        out.append(name)
        out.append("\"")
    }
}
