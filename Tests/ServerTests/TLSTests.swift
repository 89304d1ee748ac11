import HTTP
import Primitives
import Server
import Testing
import Transport

@Suite struct TLSTests {
    @Test(arguments: [["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], ["--tls-max", "1.2", "--ciphers", "AES128-SHA"]])
    func `old versions and ciphers without forward secrecy are refused (HTTP-5)`(_ options: [String]) async throws {
        let fixture = try ServerFixture(HTTPServerTests.echo, isSecure: true)
        let reply = try await fixture.curl(options + ["-k"])
        #expect(reply.status == 35)
        await fixture.stop()
    }

    @Test(arguments: ["--tlsv1.3", "--tls-max=1.2"])
    func `TLS 1.2 and 1.3 are served`(_ option: String) async throws {
        let fixture = try ServerFixture(HTTPServerTests.echo, isSecure: true)
        let reply = try await fixture.curl(option.split(separator: "=").map(String.init) + ["-k"])
        #expect(reply.output == "GET / true ")
        await fixture.stop()
    }

    @Test func `a client that offers only other protocols is refused (RFC 7301)`() async throws {
        let fixture = try ServerFixture(HTTPServerTests.echo, isSecure: true)
        let refused = try await fixture.openssl("-alpn", "h3")
        #expect(refused.contains("no application protocol"))
        let served = try await fixture.openssl("-alpn", "h3,http/1.1")
        #expect(served.contains("ALPN protocol: http/1.1"))
        await fixture.stop()
    }

    @Test func `a reload serves the new certificate, and a broken one changes nothing`() async throws {
        let fixture = try ServerFixture(HTTPServerTests.echo, isSecure: true)
        let tls = try #require(fixture.tls)
        #expect(try await fixture.openssl().contains("subject=CN = localhost\n"))
        try tls.reload(ServerFixture.certificate("other"))
        #expect(try await fixture.openssl().contains("subject=CN = other.localhost"))
        #expect(throws: TLSError.self) {
            try tls.reload(.init(certificate: ServerFixture.certificate("localhost").certificate, key: "/nowhere"))
        }
        #expect(try await fixture.openssl().contains("subject=CN = other.localhost"))
        await fixture.stop()
    }

    @Test func `a key that does not belong to the certificate is refused`() {
        let (mine, other) = (ServerFixture.certificate("localhost"), ServerFixture.certificate("other"))
        #expect(throws: TLSError.self) { try TLSContext(.init(certificate: mine.certificate, key: other.key)) }
    }

    @Test func `a client certificate is optional, verified, and known by its digest (AUTH-4)`() async throws {
        var files = ServerFixture.certificate("localhost")
        let (trusted, other) = (ServerFixture.certificate("localhost"), ServerFixture.certificate("other"))
        files.clientAuthorities = trusted.certificate
        let fixture = try ServerFixture(
            Answer { _, context in .text("\(context.clientCertificate?.digest.count ?? 0)") }, files: files)
        #expect(try await fixture.curl(["-k"]).output == "0")
        #expect(try await fixture.curl(["-k", "--cert", trusted.certificate, "--key", trusted.key]).output == "32")
        #expect(try await fixture.curl(["-k", "--cert", other.certificate, "--key", other.key]).status != 0)
        await fixture.stop()
    }
}
