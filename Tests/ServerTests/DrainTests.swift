import HTTP
import Primitives
import Server
import Testing
import Transport

@Suite struct DrainTests {
    @Test func `draining closes idle connections and lets a running request finish`() async throws {
        let (started, gate) = (Gate(), Gate())
        let fixture = try ServerFixture(
            Answer { request, _ in
                guard request.path == "/slow" else { return .text("quick") }
                await started.open()
                await gate.wait()
                return .text("finished")
            })
        let (idle, busy) = (try fixture.connect(), try fixture.connect())
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try await idle.read(until: "quick")
        busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        await started.wait()
        async let drained: Void = fixture.server.drain(deadline: .seconds(10))
        #expect(try await idle.readToEnd().isEmpty)
        #expect(throws: RawClient.Failure.self) { _ = try fixture.connect() }
        await gate.open()
        let reply = try await busy.readToEnd()
        #expect(reply.contains("connection: close") && reply.hasSuffix("finished"))
        await drained
        #expect(fixture.server.openConnections == 0)
        fixture.group.stop()
    }

    @Test func `a request that outlasts the deadline is cancelled`() async throws {
        let started = Gate()
        let group = Monitor<EventLoopGroup?>(nil)
        let fixture = try ServerFixture(
            Answer { _, _ in
                await started.open()
                try? await group.update { $0 }?.loops[0].sleep(for: .seconds(3600))
                return .text("late")
            })
        group.update { $0 = fixture.group }
        let client = try fixture.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await started.wait()
        await fixture.server.drain(deadline: .milliseconds(10))
        #expect(fixture.server.openConnections == 0)
        fixture.group.stop()
    }
}
