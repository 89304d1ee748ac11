import HTTP
import Testing

@testable import App

@Suite struct HostCheckTests {
    private func accepts(_ host: String, _ publicURL: String) -> Bool {
        HostCheck(publicURL: publicURL).accepts(.get("/", [(.host, host)]))
    }

    @Test(arguments: ["gate.example.com", "GATE.example.com", "gate.example.com:443"])
    func `our own name is accepted, with the default port or without (RS-1)`(_ host: String) {
        #expect(accepts(host, "https://gate.example.com"))
    }

    @Test(arguments: [
        "gate.example.com:8443", "gate.example.com.", "evil.example.com", "gate.example.com.evil.com", "localhost", "127.0.0.1", "",
        "xgate.example.com",
    ])
    func `any other name is not served (RS-1)`(_ host: String) { #expect(!accepts(host, "https://gate.example.com")) }

    @Test func `a port in the public URL belongs to the name`() {
        #expect(accepts("gate.example.com:8443", "https://gate.example.com:8443"))
        #expect(!accepts("gate.example.com", "https://gate.example.com:8443"))
        #expect(!accepts("gate.example.com:443", "https://gate.example.com:8443"))
    }

    @Test(arguments: ["localhost", "localhost:8443", "127.0.0.1:9", "[::1]:8443", "[::1]"])
    func `an installation for this machine answers to each of its names (mcp.md §6)`(_ host: String) {
        #expect(accepts(host, "https://localhost:8443"))
    }

    @Test(arguments: ["localhost.evil.com", "127.0.0.1.evil.com", "evil.com:8443", "localhostx:1"])
    func `a rebound name is refused even then (RS-1)`(_ host: String) { #expect(!accepts(host, "https://localhost:8443")) }

    @Test func `without Host nothing is served`() {
        #expect(!HostCheck(publicURL: "https://gate.example.com").accepts(.get("/")))
    }
}
