import HTTP
import Logging
import Primitives
import Testing

@testable import Server
@testable import Transport

@Suite struct CrowdTests {
    private static let who = Answer { _, context in .text("\(context.peer)") }
    private static let ask = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

    // MARK: PROXY protocol

    private static func proxied(from networks: [String]) throws -> ServerFixture {
        var configuration = ServerConfiguration.patient
        configuration.trustedProxies = TrustedProxies(networks.compactMap(Network.init))
        return try ServerFixture(who, configuration: configuration, speaksProxy: true)
    }

    private static let header: [UInt8] =
        [
            0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100,
            2, 0, 1, 0, 2,
        ]

    @Test func `behind a trusted proxy the header names the client (HDR-2)`() async throws {
        let fixture = try Self.proxied(from: ["127.0.0.0/8"])
        let client = try fixture.connect()
        client.send(Self.header + Array(Self.ask.utf8))
        #expect(try await client.read(until: "192.0.2.1").contains("200 OK"))
        await fixture.stop()
    }

    @Test func `the header may come in pieces`() async throws {
        let fixture = try Self.proxied(from: ["127.0.0.1"])
        let client = try fixture.connect()
        for byte in Self.header { client.send([byte]) }
        client.send(Self.ask)
        #expect(try await client.read(until: "192.0.2.1").contains("200 OK"))
        await fixture.stop()
    }

    @Test(arguments: [["10.0.0.0/8"], []])
    func `nobody else may send one`(_ networks: [String]) async throws {
        let fixture = try Self.proxied(from: networks)
        let client = try fixture.connect()
        client.send(Self.header + Array(Self.ask.utf8))
        #expect((try? await client.readToEnd()) ?? "" == "")
        await fixture.stop()
    }

    @Test(arguments: [Array(ask.utf8), Array("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n".utf8)])
    func `a listener that wants a header answers nobody without one`(_ bytes: [UInt8]) async throws {
        let fixture = try Self.proxied(from: ["127.0.0.1"])
        let client = try fixture.connect()
        client.send(bytes)
        #expect((try? await client.readToEnd()) ?? "" == "")
        await fixture.stop()
    }

    // MARK: Too many

    @Test func `beyond the connections of one address the answer is 503 and when to come again`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.connectionsPerAddress = 2
        let fixture = try ServerFixture(Self.who, configuration: configuration)
        let held = try [fixture.connect(), fixture.connect()]
        for client in held {
            client.send(Self.ask)
            _ = try await client.read(until: "127.0.0.1")
        }
        let refused = try await fixture.connect().readToEnd()
        #expect(refused.hasPrefix("HTTP/1.1 503") && refused.contains("retry-after: 1") && refused.contains("connection: close"))
        held[0].endWriting()
        _ = try await held[0].readToEnd()
        while fixture.server.openConnections > 1 { await Task.yield() }
        let next = try fixture.connect()
        next.send(Self.ask)
        #expect(try await next.read(until: "127.0.0.1").contains("200 OK"))
        await fixture.stop()
    }

    @Test func `a trusted proxy has no such limit`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.connectionsPerAddress = 1
        configuration.trustedProxies = TrustedProxies([try #require(Network("127.0.0.1"))])
        let fixture = try ServerFixture(Self.who, configuration: configuration)
        let clients = try [fixture.connect(), fixture.connect(), fixture.connect()]
        for client in clients {
            client.send(Self.ask)
            #expect(try await client.read(until: "127.0.0.1").contains("200 OK"))
        }
        await fixture.stop()
    }

    @Test func `places are counted and given back`() throws {
        let service = Service(tls: nil, logger: .silent, speaksProxy: false)
        var configuration = ServerConfiguration.patient
        configuration.connections = 2
        let rules = ServingRules(responder: Self.who, configuration: configuration)
        let peer = try #require(IPAddress("192.0.2.1"))
        #expect([service.admit(peer, rules), service.admit(peer, rules)] == [.served, .served])
        #expect((0..<64).allSatisfy { _ in service.admit(peer, rules) == .excused })
        #expect(service.admit(peer, rules) == .dropped)
        service.release(peer, .excused, rules)
        #expect(service.admit(peer, rules) == .excused)
        for _ in 0..<65 { service.release(peer, .excused, rules) }
        service.release(peer, .served, rules)
        #expect(service.openConnections == 0 && service.admit(peer, rules) == .served)
    }

    @Test func `bodies held at once are bounded, and a request beyond is answered 503`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.bufferedBytes = 100
        let fixture = try ServerFixture(Answer { request, _ in .text("\(request.body.count)") }, configuration: configuration)
        let small = try fixture.connect()
        small.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n" + String(repeating: "a", count: 100))
        #expect(try await small.read(until: "100").contains("200 OK"))
        let large = try fixture.connect()
        large.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\n\r\n" + String(repeating: "a", count: 101))
        let refused = try await large.readToEnd()
        #expect(refused.hasPrefix("HTTP/1.1 503") && refused.contains("retry-after: 1") && refused.contains("too_many_bodies"))
        small.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n" + String(repeating: "a", count: 100))
        #expect(try await small.read(until: "100").contains("200 OK"), "what was held is let go")
        await fixture.stop()
    }

    // MARK: Tickets

    private final class Clock: Sendable {
        let now = Monitor(MonotonicTime(nanoseconds: 1))
        func pass(_ duration: Duration) { now.update { $0 = $0 + duration } }
    }

    @Test(arguments: ["-tls1_3", "-tls1_2"])
    func `a ticket opens for two intervals of its keys, and then a handshake is whole again`(_ version: String) async throws {
        let clock = Clock()
        let keys = TicketKeys(interval: .seconds(3600)) { clock.now.update { $0 } }
        let tls = try TLSContext(ServerFixture.certificate("localhost"), tickets: keys)
        let fixture = try ServerFixture(Self.who, tls: tls)
        let file = temporaryFile()
        func connect(_ option: String) async throws -> String { try await fixture.request("-quiet", version, option, file) }
        _ = try await connect("-sess_out")
        #expect(try await fixture.request(version, "-sess_in", file).contains("Reused"))
        clock.pass(.seconds(3700))
        #expect(try await fixture.request(version, "-sess_in", file).contains("Reused"))
        clock.pass(.seconds(3700))
        #expect(try await fixture.request(version, "-sess_in", file).contains("New, "))
        await fixture.stop()
    }
}
