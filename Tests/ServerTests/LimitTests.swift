import HTTP
import Primitives
import Server
import Testing
import Transport

@Suite struct LimitTests {
    private func reply(to text: String, change: (inout ServerConfiguration) -> Void) async throws -> String {
        var configuration = ServerConfiguration.patient
        change(&configuration)
        let fixture = try ServerFixture(HTTPServerTests.echo, configuration: configuration)
        let client = try fixture.connect()
        client.send(text)
        let reply = try await client.readToEnd()
        await fixture.stop()
        return reply
    }

    @Test func `a head that does not end is answered 408 (HTTP-5)`() async throws {
        let reply = try await reply(to: "GET / HTTP/1.1\r\nHost:") { $0.headerTimeout = .milliseconds(20) }
        #expect(reply.hasPrefix("HTTP/1.1 408 ") && reply.contains("head_timeout"))
    }

    @Test func `a connection that never says anything is closed`() async throws {
        #expect(try await reply(to: "") { $0.headerTimeout = .milliseconds(20) }.isEmpty)
    }

    @Test func `a connection that idles after an answer is closed`() async throws {
        let reply = try await reply(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.idleTimeout = .milliseconds(20) }
        #expect(reply.hasSuffix("GET / false "))
    }

    @Test func `a body that stops is answered 408`() async throws {
        let reply = try await reply(to: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe") {
            $0.bodyIdleTimeout = .milliseconds(20)
        }
        #expect(reply.hasPrefix("HTTP/1.1 408 ") && reply.contains("body_timeout"))
    }

    @Test func `a body that drips below the least rate is answered 408`() async throws {
        let reply = try await reply(to: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nhe") {
            $0.headerTimeout = .milliseconds(20)
            $0.minimumRate = 1_000_000
        }
        #expect(reply.contains("body_timeout"))
    }

    @Test func `a peer that does not shake hands is cut`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.handshakeTimeout = .milliseconds(20)
        let fixture = try ServerFixture(HTTPServerTests.echo, isSecure: true, configuration: configuration)
        #expect(try await fixture.connect().readToEnd().isEmpty)
        await fixture.stop()
    }

    @Test func `a peer that does not read its answer is cut`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.writeTimeout = .milliseconds(20)
        configuration.minimumRate = 1 << 40
        let fixture = try ServerFixture(
            Answer { _, _ in .init(.ok, body: .bytes([UInt8](repeating: 0x61, count: 32 << 20))) }, configuration: configuration)
        let client = try fixture.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        // The server gives up on its own, not because this client goes: wait for it without reading.
        let loop = fixture.group.loops[0]
        while fixture.server.openConnections > 0 { try await loop.sleep(for: .milliseconds(1)) }
        #expect(try await client.readToEnd().utf8.count < 32 << 20)
        await fixture.stop()
    }
}
