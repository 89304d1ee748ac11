internal import Primitives

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers; RL-4).
package enum RateLimitHeaders {
    package static func policy(_ name: String, _ quota: Quota) -> String {
        "\"\(name)\";q=\(quota.rate);w=\(max(1, quota.window.components.seconds))"
    }

    package static func state(_ name: String, _ verdict: GCRA.Verdict) -> String {
        "\"\(name)\";r=\(verdict.remaining);t=\(verdict.wait.secondsRoundedUp)"
    }
}
