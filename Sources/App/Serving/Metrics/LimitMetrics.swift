/// Refusals by limit. Refusals are rare beside requests, so that one block serves all loops.
struct LimitMetrics: Sendable {
    static let policies = [
        "address", "authorize", "login", "register", "token", "unauthenticated", "limit.client", "limit.user", "limit.tool",
        "concurrency",
        "limit.streams",
    ]

    private let refused = CounterBlock(count: policies.count + 1)
    private let wouldRefuse = CounterBlock(count: policies.count + 1)

    /// - Parameter isDry: the limit only counts what it would have refused.
    func record(_ policy: String, isDry: Bool = false) {
        let place = Self.policies.firstIndex(of: policy) ?? Self.policies.count
        (isDry ? wouldRefuse : refused).add(at: place)
    }

    func count(_ policy: String, isDry: Bool = false) -> UInt64 {
        (isDry ? wouldRefuse : refused).value(at: Self.policies.firstIndex(of: policy) ?? Self.policies.count)
    }

    func write(into out: inout PrometheusText) {
        out.family(
            "gatehouse_limits_exceeded_total", .counter, "Requests refused by a limit, or that would have been by one in dry_run.")
        for (place, policy) in (Self.policies + ["other"]).enumerated() {
            let labels = [("policy", policy.hasPrefix("limit.") ? String(policy.dropFirst(6)) : policy)]
            out.sample("gatehouse_limits_exceeded_total", labels + [("mode", "enforced")], refused.value(at: place))
            out.sample("gatehouse_limits_exceeded_total", labels + [("mode", "dry_run")], wouldRefuse.value(at: place))
        }
    }
}
