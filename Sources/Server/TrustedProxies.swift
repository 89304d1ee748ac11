package import HTTP
package import Primitives

/// Finds the client behind proxies we trust (HDR-2). With no proxy trusted, which is the default, a peer is who connected.
package struct TrustedProxies: Sendable {
    private let networks: [Network]

    package init(_ networks: [Network] = []) { self.networks = networks }

    /// The client's address: from right to left through `X-Forwarded-For`, past trusted hops, to the first that is not.
    /// A peer we do not trust, no such field, or one that is malformed or repeated leaves the peer itself.
    package func client(of request: Request, peer: IPAddress) -> IPAddress {
        guard !networks.isEmpty, isTrusted(peer), let hops = request.fields.single(FieldName("x-forwarded-for")) else {
            return peer
        }
        var client = peer
        for hop in hops.split(separator: ",", omittingEmptySubsequences: false).reversed() {
            guard let address = IPAddress(Self.trim(hop)) else { return peer }
            client = address
            if !isTrusted(address) { break }
        }
        return client
    }

    private func isTrusted(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

    private static func trim(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
