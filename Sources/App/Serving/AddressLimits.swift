import HTTP
import Policy
import Primitives

/// Limits counted by the client's address, raised for configured networks (RL-3, contract §9).
struct AddressLimits: Sendable {
    enum Kind: String, Sendable {
        case address, authorize, login, register, token, unauthenticated
    }

    let limits: Configuration.Limits
    let limiter: RateLimiter
    var metrics = LimitMetrics()

    /// A limit that refused a request, and where it stands.
    struct Exceeded: Sendable {
        let kind: Kind
        let quota: Quota
        let verdict: GCRA.Verdict

        var wait: Duration { verdict.wait }

        /// RL-4, as on tool calls.
        func describe(in response: inout Response) {
            var headers = RateLimitHeaders()
            headers.add(name, quota, verdict)
            response.fields.append(.rateLimitPolicy, bytes: headers.policy)
            response.fields.append(.rateLimit, bytes: headers.state)
        }

        private var name: StaticString {
            switch kind {
            case .address: "address"
            case .authorize: "authorize"
            case .login: "login"
            case .register: "register"
            case .token: "token"
            case .unauthenticated: "unauthenticated"
            }
        }
    }

    /// Charges one request. Nil when it may go on.
    func charge(_ kind: Kind, _ address: IPAddress, at now: MonotonicTime) -> Exceeded? {
        guard let quota = quota(kind, address) else { return nil }
        let verdict = limiter.charge(.address(kind.rawValue, address.limitKey), quota, at: now)
        guard !verdict.isAllowed else { return nil }
        metrics.record(kind.rawValue, isDry: limits.isDryRun)
        return limits.isDryRun ? nil : Exceeded(kind: kind, quota: quota, verdict: verdict)
    }

    /// True once a minute for each address and kind of refusal (RL-5 is told always, recorded rarely).
    func isWorthNoting(_ kind: String, _ address: IPAddress, at now: MonotonicTime) -> Bool {
        limiter.isWorthNoting(kind, address.limitKey.description, at: now)
    }

    private func quota(_ kind: Kind, _ address: IPAddress) -> Quota? {
        let network = limits.networks.isEmpty ? nil : limits.networks.first { $0.network.contains(address) }
        if kind == .address, let network, network.isAddressOff { return nil }
        if kind == .address, let quota = network?.address { return quota }
        guard let base = base(kind) else { return nil }
        return network.map { base.multiplied(by: $0.factor) } ?? base
    }

    private func base(_ kind: Kind) -> Quota? {
        switch kind {
        case .address: limits.address
        case .authorize: limits.authorize
        case .login: limits.login
        case .register: limits.register
        case .token: limits.token
        case .unauthenticated: limits.unauthenticated
        }
    }
}
