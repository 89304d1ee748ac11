import HTTP
import Primitives

/// Requests by route and outcome, with how long each took to be answered; and what the token endpoint gave and refused. All names
/// are fixed: nothing a stranger sends becomes a label.
struct RequestMetrics: Sendable {
    enum Route: Int, CaseIterable {
        case home, authorize, login, consent, account, device, invite, admin, token, register, revoke, introspect, par
        case deviceAuthorization, jwks, metadata, mcp, upstream, tools, health, other

        var label: String {
            switch self {
            case .home: "/"
            case .deviceAuthorization: "/device_authorization"
            case .jwks: "/jwks.json"
            case .metadata: "/.well-known"
            case .mcp: "/mcp"
            case .upstream: "/mcp/{upstream}"
            case .other: "other"
            default: "/\(self)"
            }
        }
    }

    enum Outcome: Int, CaseIterable {
        case success, redirect, invalid, denied, limited, unavailable, failure

        init(status: Int) {
            switch status {
            case ..<300: self = .success
            case ..<400: self = .redirect
            case 401, 403: self = .denied
            case 429: self = .limited
            case ..<500: self = .invalid
            case 503: self = .unavailable
            default: self = .failure
            }
        }
    }

    /// Upper bounds in microseconds, and the same in seconds as text.
    static let bounds: [(microseconds: Int64, label: String)] = [
        (500, "0.0005"), (1000, "0.001"), (2500, "0.0025"), (5000, "0.005"), (10_000, "0.01"), (25_000, "0.025"),
        (50_000, "0.05"), (100_000, "0.1"), (250_000, "0.25"), (500_000, "0.5"), (1_000_000, "1"), (2_500_000, "2.5"),
        (10_000_000, "10"),
    ]

    enum Grant: Int, CaseIterable {
        case authorizationCode, refreshToken, clientCredentials, deviceCode, assertion, other

        var label: String {
            switch self {
            case .authorizationCode: "authorization_code"
            case .refreshToken: "refresh_token"
            case .clientCredentials: "client_credentials"
            case .deviceCode: "device_code"
            case .assertion: "id-jag"
            case .other: "other"
            }
        }
    }

    /// Each bucket, one for what took longer, and the sum in microseconds.
    private static let stride = bounds.count + 2
    private static let tokensAt = Route.allCases.count * Outcome.allCases.count * stride
    private static let refusalsAt = tokensAt + Grant.allCases.count
    private static let size = refusalsAt + Outcome.allCases.count

    private let counters: ShardedCounters

    init(loops: Int) { counters = ShardedCounters(loops: loops, count: Self.size) }

    func record(_ route: Route, _ status: Int, _ events: [Event], _ context: RequestContext) {
        let outcome = Outcome(status: status)
        let loop = context.loopIndex
        let base = Self.base(route, outcome)
        let taken = max(0, (MonotonicTime.now().nanoseconds - context.received.nanoseconds) / 1000)
        var bucket = 0
        while bucket < Self.bounds.count, taken > Self.bounds[bucket].microseconds { bucket += 1 }
        counters.add(at: base + bucket, loop: loop)
        counters.add(UInt64(taken), at: base + Self.stride - 1, loop: loop)
        guard route == .token else { return }
        if outcome == .success {
            counters.add(at: Self.tokensAt + Self.grant(of: events).rawValue, loop: loop)
        } else {
            counters.add(at: Self.refusalsAt + outcome.rawValue, loop: loop)
        }
    }

    private static func base(_ route: Route, _ outcome: Outcome) -> Int {
        (route.rawValue * Outcome.allCases.count + outcome.rawValue) * stride
    }

    private static func grant(of events: [Event]) -> Grant {
        for event in events {
            if event.name.hasPrefix("token.refresh") { return .refreshToken }
            guard event.name == "token.issued" else { continue }
            for detail in event.details where detail.key == "grant_type" {
                switch detail.value.string {
                case "authorization_code": return .authorizationCode
                case "client_credentials": return .clientCredentials
                case "device_code": return .deviceCode
                case "id-jag": return .assertion
                default: return .other
                }
            }
        }
        return .other
    }

    /// Only what happened has series; a route nobody asked for costs a scraper nothing.
    func write(into out: inout PrometheusText) {
        out.family(
            "gatehouse_request_duration_seconds", .histogram, "Time from a request's head to its answer's, by route and outcome.")
        for route in Route.allCases {
            for outcome in Outcome.allCases { writeHistogram(route, outcome, &out) }
        }
        out.family("gatehouse_requests_total", .counter, "Requests answered, by route and outcome.")
        for route in Route.allCases {
            for outcome in Outcome.allCases {
                let count = count(route, outcome)
                if count > 0 { out.sample("gatehouse_requests_total", Self.labels(route, outcome), count) }
            }
        }
        out.family("gatehouse_tokens_issued_total", .counter, "Answers of the token endpoint that carry a token, by grant type.")
        for grant in Grant.allCases {
            out.sample(
                "gatehouse_tokens_issued_total", [("grant", grant.label)], counters.total(at: Self.tokensAt + grant.rawValue))
        }
        out.family("gatehouse_tokens_refused_total", .counter, "Answers of the token endpoint that carry none, by outcome.")
        for outcome in Outcome.allCases where outcome != .success && outcome != .redirect {
            out.sample(
                "gatehouse_tokens_refused_total", [("outcome", "\(outcome)")],
                counters.total(at: Self.refusalsAt + outcome.rawValue))
        }
    }

    func count(_ route: Route, _ outcome: Outcome) -> UInt64 {
        let base = Self.base(route, outcome)
        return (0...Self.bounds.count).reduce(0) { $0 &+ counters.total(at: base + $1) }
    }

    private func writeHistogram(_ route: Route, _ outcome: Outcome, _ out: inout PrometheusText) {
        let base = Self.base(route, outcome)
        let counts = (0...Self.bounds.count).map { counters.total(at: base + $0) }
        guard counts.contains(where: { $0 > 0 }) else { return }
        let labels = Self.labels(route, outcome)
        var sum: UInt64 = 0
        for (bound, count) in zip(Self.bounds.map(\.label) + ["+Inf"], counts) {
            sum &+= count
            out.sample("gatehouse_request_duration_seconds_bucket", labels + [("le", bound)], sum)
        }
        out.sample(
            "gatehouse_request_duration_seconds_sum", labels, Double(counters.total(at: base + Self.stride - 1)) / 1_000_000)
        out.sample("gatehouse_request_duration_seconds_count", labels, sum)
    }

    private static func labels(_ route: Route, _ outcome: Outcome) -> [(String, String)] {
        [("route", route.label), ("outcome", "\(outcome)")]
    }
}
