import HTTP
import Logging
import Primitives
import Server
import Testing
import Transport

@Suite struct ReloadTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `a running request keeps the rules it began with, and the next on its connection has the new ones`() async throws {
        let (started, gate) = (Gate(), Gate())
        let fixture = try ServerFixture(
            Answer { _, _ in
                await started.open()
                await gate.wait()
                return .text("old")
            }, loops: 2)
        let client = try fixture.connect()
        client.send(Self.request)
        await started.wait()
        await fixture.server.adopt(responder: Answer { _, _ in .text("new") }, configuration: .patient)
        await gate.open()
        #expect(try await client.read(until: "\r\n\r\nold").contains("200 OK"))
        client.send(Self.request)
        #expect(try await client.read(until: "\r\n\r\nnew").contains("200 OK"))
        await fixture.stop()
    }

    @Test func `limits of a reload hold for connections that were open before`() async throws {
        let fixture = try ServerFixture(Answer { _, _ in .text("ok") })
        let client = try fixture.connect()
        client.send(Self.request)
        _ = try await client.read(until: "\r\n\r\nok")
        await fixture.server.adopt(responder: Answer(limit: 1) { _, _ in .text("ok") }, configuration: .patient)
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx")
        #expect(try await client.readToEnd().hasPrefix("HTTP/1.1 413 "))
        await fixture.stop()
    }

    @Test func `an address can be left while others are served`() async throws {
        let fixture = try ServerFixture(Answer { _, _ in .text("ok") })
        let second = try fixture.server.listen(
            on: Endpoint("127.0.0.1:0")!, tls: nil, responder: Answer { _, _ in .text("second") })
        let client = try RawClient(second)
        client.send(Self.request)
        _ = try await client.read(until: "second")
        await fixture.server.leave(second)
        #expect(try await client.readToEnd().isEmpty)
        #expect(throws: RawClient.Failure.self) { _ = try RawClient(second) }
        #expect(try await fixture.curl().output == "ok")
        await fixture.stop()
    }

    @Test func `sockets that are kept go on accepting for their next owner`() async throws {
        let fixture = try ServerFixture(Answer { _, _ in .text("first") }, loops: 2)
        let sockets = fixture.server.sockets(of: fixture.endpoint)
        #expect(sockets.count == 2)
        // A successor with fewer loops than there are sockets still accepts from each.
        let group = try EventLoopGroup(count: 1)
        let successor = HTTPServer(group: group, logger: .silent)
        successor.serve(sockets, tls: nil, responder: Answer { _, _ in .text("second") })
        await fixture.server.drain(deadline: .seconds(5), keepsSockets: true)
        for _ in 0..<20 {
            #expect(try await fixture.curl().output == "second")
        }
        await successor.drain(deadline: .seconds(1))
        fixture.group.stop()
        group.stop()
    }

    @Test func `a connection accepted as draining begins may still bring its request`() async throws {
        var configuration = ServerConfiguration.patient
        (configuration.headerTimeout, configuration.lastRequestTimeout) = (.seconds(60), .seconds(60))
        let fixture = try ServerFixture(Answer { _, _ in .text("served") }, configuration: configuration)
        let client = try fixture.connect()
        while fixture.server.openConnections == 0 { await Task.yield() }
        async let drained: Void = fixture.server.drain(deadline: .seconds(60))
        // Until it has begun, which closes the listener. Bounded, for another test's server may get the port that is free then;
        // the pause lets the drain have a thread on a busy machine.
        let end = MonotonicTime.now() + .seconds(20)
        while (try? fixture.connect()) != nil, MonotonicTime.now() < end { try await Task.sleep(for: .milliseconds(2)) }
        client.send(Self.request)
        let reply = try await client.readToEnd()
        #expect(reply.contains("connection: close") && reply.hasSuffix("served"))
        await drained
        fixture.group.stop()
    }

    @Test func `what still runs is told before it is cut`() async throws {
        let (started, called) = (Gate(), Gate())
        let fixture = try ServerFixture(
            Answer { _, _ in
                await started.open()
                await called.wait()
                return .text("last words")
            })
        let client = try fixture.connect()
        client.send(Self.request)
        await started.wait()
        await fixture.server.drain(deadline: .seconds(2)) { Task { await called.open() } }
        #expect(try await client.readToEnd().hasSuffix("last words"))
        fixture.group.stop()
    }
}
