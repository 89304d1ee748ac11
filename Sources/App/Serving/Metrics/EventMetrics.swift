import Primitives
import Synchronization

/// What the audit log is told, by event and outcome, and whether it could take it.
struct EventMetrics: Sendable {
    /// The vocabulary of oauth.md §18; what is none of these counts as `other`.
    static let names = [
        "other", "admin.command", "auth.login", "auth.login.throttled", "auth.logout", "auth.mfa.challenge", "auth.session.anomaly",
        "audit.erased", "audit.exported", "authz.request.rejected", "client.deleted", "client.metadata.changed",
        "client.metadata.fetched",
        "client.metadata.rejected",
        "client.pinned", "client.registered", "client.updated", "clientauth.failed", "config.changed", "config.reloaded",
        "consent.denied", "consent.granted", "consent.required", "consent.revoked", "dpop.rejected", "flow.connected", "flow.step",
        "grant.revoked",
        "http.malformed", "invite.created", "invite.used", "key.rotated", "mcp.tool.called", "mcp.tool.denied", "mfa.enrolled",
        "mfa.recovery_used",
        "mfa.removed", "origin.rejected", "password.changed", "ratelimit.exceeded", "server.started", "server.stopped",
        "session.revoked", "ssrf.blocked", "tls.cert.reloaded", "token.code.replayed", "token.issued", "token.leak.reported",
        "token.refresh.grace_used",
        "token.refresh.reuse_detected", "token.refreshed", "token.rejected", "token.revoked", "vault.key.failed",
        "vault.key.removed", "vault.key.stored", "vault.key.used",
    ]
    private static let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, $0.offset) })
    private static let outcomes: [Event.Outcome] = [.success, .failure, .denied, .intent]

    private let counters: ShardedCounters
    private let failures = CounterBlock(count: 1)
    private let lastFailure = CounterBlock(count: 1)

    init(loops: Int) { counters = ShardedCounters(loops: loops, count: Self.names.count * Self.outcomes.count) }

    func record(_ name: String, _ outcome: Event.Outcome, loop: Int?) {
        counters.add(at: (Self.places[name] ?? 0) * Self.outcomes.count + Self.place(outcome), loop: loop)
    }

    func recordFailure(at now: MonotonicTime) {
        failures.add(at: 0)
        lastFailure.add(UInt64(max(0, now.nanoseconds)) &- lastFailure.value(at: 0), at: 0)
    }

    var failureCount: UInt64 { failures.value(at: 0) }

    /// True for a while after a record could not be written.
    func isFailing(at now: MonotonicTime, within span: Duration = .seconds(10)) -> Bool {
        let last = lastFailure.value(at: 0)
        return last > 0 && now - MonotonicTime(nanoseconds: Int64(last)) < span
    }

    private static func place(_ outcome: Event.Outcome) -> Int {
        switch outcome {
        case .success: 0
        case .failure: 1
        case .denied: 2
        case .intent: 3
        }
    }

    func write(into out: inout PrometheusText) {
        out.family("gatehouse_events_total", .counter, "Audit events, by name and outcome.")
        for (place, name) in Self.names.enumerated() {
            for (index, outcome) in Self.outcomes.enumerated() {
                let count = counters.total(at: place * Self.outcomes.count + index)
                if count > 0 { out.sample("gatehouse_events_total", [("event", name), ("outcome", outcome.rawValue)], count) }
            }
        }
        out.family(
            "gatehouse_audit_failures_total", .counter, "Audit records that could not be written; their answers did not leave.")
        out.sample("gatehouse_audit_failures_total", [], failureCount)
    }
}
