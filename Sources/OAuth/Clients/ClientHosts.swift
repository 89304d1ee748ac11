internal import Primitives

/// Which hosts clients may be from (CIMD-9, CLI-2): where their document is, and where their codes go. Clients an administrator
/// registered are not asked.
package struct ClientHosts: Sendable, Hashable {
    /// Hosts an administrator vouches for: `claude.ai`, or `*.example.com` for every name under it.
    package var allowed: [String]
    /// Hosts never served; they win.
    package var denied: [String]
    /// What happens to the rest: refused, or asked about with a warning.
    package var refusesOthers: Bool

    package init(allowed: [String] = [], denied: [String] = [], refusesOthers: Bool = false) {
        self.allowed = allowed
        self.denied = denied
        self.refusesOthers = refusesOthers
    }

    package enum Verdict: Sendable { case vouchedFor, unknown, refused }

    /// The worst of the hosts decides. This machine's own addresses and private-use schemes belong to no domain.
    package func judge(_ client: Client) -> Verdict {
        guard client.kind != .preregistered else { return .vouchedFor }
        var verdict = Verdict.vouchedFor
        let urls = (client.kind == .metadata ? [client.id.text] : []) + client.redirectURIs
        for url in urls where url.hasPrefix("https://") {
            switch judge(host: RedirectURI.displayHost(url)) {
            case .refused: return .refused
            case .unknown: verdict = .unknown
            case .vouchedFor: continue
            }
        }
        return verdict
    }

    func judge(host: String) -> Verdict {
        let name = host.lowercased()
        if denied.contains(where: { Self.matches(name, $0) }) { return .refused }
        if allowed.contains(where: { Self.matches(name, $0) }) { return .vouchedFor }
        return refusesOthers ? .refused : .unknown
    }

    private static func matches(_ host: String, _ pattern: String) -> Bool {
        let pattern = pattern.lowercased()
        return pattern.hasPrefix("*.") ? host.hasSuffix(pattern.dropFirst()) : host == pattern
    }
}
