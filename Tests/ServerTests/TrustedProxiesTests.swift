import HTTP
import Primitives
import Server
import Testing

@Suite struct TrustedProxiesTests {
    private func client(_ forwarded: String..., peer: String = "10.0.0.1", trusting networks: [String] = ["10.0.0.0/8"]) -> String {
        var request = Request(method: .get, path: "/")
        for value in forwarded { request.fields.append(FieldName("x-forwarded-for"), value) }
        return TrustedProxies(networks.compactMap { Network($0) }).client(of: request, peer: IPAddress(peer)!).description
    }

    @Test func `the first hop from the right that is not trusted is the client`() {
        #expect(client("6.6.6.6, 203.0.113.7 ,10.1.1.1") == "203.0.113.7")
    }

    @Test func `a peer that is not trusted is the client, whatever it claims`() {
        #expect(client("203.0.113.7", peer: "198.51.100.1") == "198.51.100.1")
        #expect(client("203.0.113.7", trusting: []) == "10.0.0.1")
    }

    @Test(arguments: ["", "203.0.113.7, nonsense", "203.0.113.7,", "unknown", "203.0.113.7:80"])
    func `a malformed list leaves the peer`(_ value: String) {
        #expect(client(value) == "10.0.0.1")
    }

    @Test func `a repeated field leaves the peer`() { #expect(client("1.1.1.1", "2.2.2.2") == "10.0.0.1") }

    @Test func `when every hop is trusted the farthest is the client`() { #expect(client("10.9.9.9, 10.1.1.1") == "10.9.9.9") }
}

@Suite struct ForwardedProxiesTests {
    private func client(_ lines: String..., peer: String = "10.0.0.1", form: TrustedProxies.Form = .forwarded) -> String {
        var request = Request(method: .get, path: "/")
        for value in lines { request.fields.append(FieldName("forwarded"), value) }
        request.fields.append(FieldName("x-forwarded-for"), "6.6.6.6")
        return TrustedProxies([Network("10.0.0.0/8")!], form: form).client(of: request, peer: IPAddress(peer)!).description
    }

    @Test func `the first hop from the right that is not trusted is the client (RFC 7239)`() {
        #expect(client("for=6.6.6.6, for=203.0.113.7;proto=https", "for=10.1.1.1") == "203.0.113.7")
    }

    @Test func `only the configured field is read (HDR-2)`() {
        #expect(client("for=203.0.113.7") == "203.0.113.7")
        #expect(client("for=203.0.113.7", form: .xForwardedFor) == "6.6.6.6")
        #expect(client() == "10.0.0.1")
    }

    @Test(arguments: ["for=unknown", "for=_hidden", "for=203.0.113.7, for", "for=\"203.0.113.7", "proto=https"])
    func `a hop that hides or a malformed list leaves the peer`(_ value: String) { #expect(client(value) == "10.0.0.1") }

    @Test func `a peer that is not trusted is the client`() {
        #expect(client("for=203.0.113.7", peer: "198.51.100.1") == "198.51.100.1")
    }
}
