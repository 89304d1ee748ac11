package import HTTP
package import Primitives

/// Finds the client behind proxies we trust (HDR-2). With no proxy trusted, which is the default, a peer is who connected.
package struct TrustedProxies: Sendable {
    /// The one field that is read; the other is never looked at, whoever sends it.
    package enum Form: String, Sendable, CaseIterable {
        case xForwardedFor = "x-forwarded-for"
        /// RFC 7239.
        case forwarded
    }

    private let networks: [Network]
    private let form: Form

    package init(_ networks: [Network] = [], form: Form = .xForwardedFor) {
        self.networks = networks
        self.form = form
    }

    /// The client's address: from right to left through the field, past trusted hops, to the first that is not.
    /// A peer we do not trust, no such field, or one that is malformed or hides an address leaves the peer itself.
    package func client(of request: Request, peer: IPAddress) -> IPAddress {
        guard !networks.isEmpty, isTrusted(peer), let hops = hops(of: request) else { return peer }
        var client = peer
        for hop in hops.reversed() {
            guard let hop else { return peer }
            client = hop
            if !isTrusted(hop) { break }
        }
        return client
    }

    package func isTrusted(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

    /// Nil for the whole when there is no such field or it is malformed; nil for a hop that hides its address.
    private func hops(of request: Request) -> [IPAddress?]? {
        switch form {
        case .xForwardedFor:
            // One line: which of several would be first is not certain.
            guard let field = request.fields.single(FieldName("x-forwarded-for")) else { return nil }
            return field.split(separator: ",", omittingEmptySubsequences: false).map { IPAddress(Self.trim($0)) }
        case .forwarded:
            let lines = request.fields.all(FieldName("forwarded"))
            guard !lines.isEmpty else { return nil }
            return Forwarded.nodes(lines.joined(separator: ", "))?.map { node in
                if case .address(let address) = node { address } else { nil }
            }
        }
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
