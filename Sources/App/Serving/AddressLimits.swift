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

    /// Charges one request. Nil when it may go on, else how long to wait.
    func charge(_ kind: Kind, _ address: IPAddress, at now: MonotonicTime) -> Duration? {
        guard let quota = quota(kind, address) else { return nil }
        let verdict = limiter.charge(.address(kind.rawValue, address.limitKey), quota, at: now)
        guard !verdict.isAllowed else { return nil }
        metrics.record(kind.rawValue, isDry: limits.isDryRun)
        return limits.isDryRun ? nil : verdict.wait
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
