import HTTP
import MCP
import Primitives
import Testing

@Suite struct SessionTests {
    private static let alice = Principal.make("alice")

    private func get(_ fixture: MemoryFixture, _ session: String, _ more: Fields = []) async -> Response {
        var fields: Fields = [(.mcpSessionID, session), (.accept, "text/event-stream")]
        fields.append(contentsOf: more)
        return await fixture.send(.get, nil, fields, as: Self.alice)
    }

    @Test(arguments: [Principal.make("bob"), .make("alice", client: "other"), .make("alice", grant: "later"), nil])
    func `a session of another user, client or grant is 404 (mcp.md §4.3)`(_ caller: Principal?) async throws {
        let fixture = try MemoryFixture()
        let session = try #require(await fixture.initialize(as: Self.alice))
        #expect(await fixture.legacy("ping", session: session, as: Self.alice).status == .ok)
        #expect(await fixture.legacy("ping", session: session, as: caller).status == .notFound)
        #expect(await fixture.send(.delete, nil, [(.mcpSessionID, session)], as: caller).status == .notFound)
        #expect(await fixture.legacy("ping", session: session, as: Self.alice).status == .ok)
    }

    @Test func `a session outlives its process, and not its time (mcp.md §4.3)`() async throws {
        let (before, after) = (try MemoryFixture(), try MemoryFixture(instance: "two"))
        let session = try #require(await before.initialize(as: Self.alice))
        #expect(await after.legacy("ping", session: session, as: Self.alice).status == .ok)
        after.clock.pass(.seconds(8 * 86_400))
        #expect(await after.legacy("ping", session: session, as: Self.alice).status == .notFound)
    }

    @Test func `a session of another endpoint is 404`() async throws {
        let session = try #require(await MemoryFixture().initialize(as: Self.alice))
        #expect(try await MemoryFixture(name: "other").legacy("ping", session: session, as: Self.alice).status == .notFound)
    }

    @Test func `a request without a session is served (mcp.md §4.3)`() async throws {
        #expect(try await MemoryFixture().legacy("tools/list", session: nil, as: Self.alice).json["result"] != nil)
    }

    @Test func `the revision is the session's`() async throws {
        let fixture = try MemoryFixture([.make("array") { _, _ in .structured([1]) }])
        let session = await fixture.initialize(as: Self.alice, version: "2025-03-26")
        let batch = await fixture.send(
            .post, [["jsonrpc": "2.0", "id": 1, "method": "ping"]], session.map { [(.mcpSessionID, $0)] } ?? [], as: Self.alice)
        #expect(batch.json.array?.count == 1)
    }

    @Test func `no batch in a session of a later revision (mcp.md §4.5)`() async throws {
        let fixture = try MemoryFixture()
        let session = try #require(await fixture.initialize(as: Self.alice))
        let batch: JSONValue = [["jsonrpc": "2.0", "id": 1, "method": "ping"]]
        #expect(await fixture.send(.post, batch, [(.mcpSessionID, session)], as: Self.alice).status == .badRequest)
    }

    @Test func `a handshake begins anew, whatever dead session its client still names`() async throws {
        let fixture = try MemoryFixture()
        let hello: JSONValue = ["protocolVersion": "2025-11-25", "capabilities": [:]]
        let answer = await fixture.legacy("initialize", hello, session: "dead", as: Self.alice)
        #expect(answer.status == .ok && answer.fields[.mcpSessionID] != nil)
    }

    @Test func `a second stream of a session is 409, and its place comes back (contract §9)`() async throws {
        let fixture = try MemoryFixture()
        let session = try #require(await fixture.initialize(as: Self.alice))
        do {
            let first = await get(fixture, session)
            #expect(first.status == .ok && first.producer != nil)
            #expect(await get(fixture, session).status == .conflict)
        }  // dropped unsent
        #expect(await get(fixture, session).status == .ok)
    }

    @Test func `a GET that takes no stream, or none that is kept, is refused`() async throws {
        let fixture = try MemoryFixture()
        let session = try #require(await fixture.initialize(as: Self.alice))
        let plain = await fixture.send(.get, nil, [(.mcpSessionID, session), (.accept, "text/html")], as: Self.alice)
        #expect(plain.status == Status(406))
        for id in ["9.1", "x", "1", "1.1.1", "-1.0"] {
            #expect(await get(fixture, session, [(.lastEventID, id)]).status == .badRequest)
        }
        let modern = await get(fixture, session, [(.mcpProtocolVersion, "2026-07-28")])
        #expect(modern.status == .methodNotAllowed && modern.fields[.allow] == "POST, OPTIONS")
    }

    @Test func `the stream ends when the session does`() async throws {
        let fixture = try MemoryFixture()
        let session = try #require(await fixture.initialize(as: Self.alice))
        let produce = try #require(await get(fixture, session).producer)
        let sink = Sink()
        async let produced: Void = produce(sink)
        while sink.pieces.isEmpty { await Task.yield() }
        #expect(await fixture.send(.delete, nil, [(.mcpSessionID, session)], as: Self.alice).status == .noContent)
        await produced
    }

    @Test func `a call goes on without its reader, and the answer waits (mcp.md §4.4)`() async throws {
        let latch = Latch()
        let fixture = try MemoryFixture([
            .make("slow", isLocal: false) { _, context in
                await context.progress(1, 2, nil)
                await latch.wait()
                return .structured(["done": true])
            }
        ])
        let session = try #require(await fixture.initialize(as: Self.alice))
        let call: JSONValue = ["name": "slow", "arguments": [:], "_meta": ["progressToken": 7]]
        let produce = try #require(await fixture.legacy("tools/call", call, session: session, as: Self.alice).producer)
        let lost = Sink()
        let serving = Task { await produce(lost) }
        while lost.pieces.count < 2 { await Task.yield() }
        serving.cancel()
        await serving.value
        #expect(lost.pieces[0].hasPrefix("id: 1.1\ndata: \n\n") && lost.pieces[1].hasPrefix("id: 1.2\n"))
        latch.open()
        let rest = try #require(await get(fixture, session, [(.lastEventID, "1.1")]).producer)
        let found = Sink()
        await rest(found)
        let texts = found.pieces
        #expect(texts.count == 2 && texts[0].contains("notifications/progress") && texts[1].contains("\"done\":true"))
        #expect(fixture.gate.outcomes == [.completed])
    }

    @Test func `a cancelled call ends without an answer, and unknown ids do nothing (mcp.md §4.4)`() async throws {
        let latch = Latch()
        let fixture = try MemoryFixture([
            .make("slow", isLocal: false) { _, context in
                await context.progress(1, 2, nil)
                await withTaskCancellationHandler {
                    await latch.wait()
                } onCancel: {
                    latch.open()
                }
                return .structured([:])
            }
        ])
        let session = try #require(await fixture.initialize(as: Self.alice))
        let call: JSONValue = ["name": "slow", "arguments": [:], "_meta": ["progressToken": 7]]
        let answer = await fixture.legacy("tools/call", call, id: "c", session: session, as: Self.alice)
        let (produce, sink) = (try #require(answer.producer), Sink())
        async let produced: Void = produce(sink)
        while sink.pieces.count < 2 { await Task.yield() }
        for id in ["unknown", 3, "c"] as [JSONValue] {
            let note: JSONValue = ["jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": id]]
            #expect(await fixture.send(.post, note, [(.mcpSessionID, session)], as: Self.alice).status == .accepted)
        }
        await produced
        #expect(!sink.pieces.contains { $0.contains("\"result\"") || $0.contains("\"error\"") })
        while fixture.gate.outcomes.isEmpty { await Task.yield() }
        #expect(fixture.gate.outcomes == [.cancelled])
    }

    @Test func `nobody else answers a question of the server`() async throws {
        let fixture = try MemoryFixture([
            .make("ask", isLocal: false) { _, context in
                guard let form = context.acceptedForm("q", ["type": "object"]) else {
                    return .needs(InputNeed([("q", .form("?", schema: ["type": "object"]))]))
                }
                return .structured(.object(form))
            }
        ])
        let bob = Principal.make("bob")
        let session = try #require(await fixture.initialize(as: Self.alice))
        let other = try #require(await fixture.initialize(as: bob))
        let answer = await fixture.legacy("tools/call", ["name": "ask"], session: session, as: Self.alice)
        let (produce, sink) = (try #require(answer.producer), Sink())
        async let produced: Void = produce(sink)
        while sink.pieces.count < 2 { await Task.yield() }
        func reply(_ text: JSONValue, _ session: String, _ caller: Principal) async {
            let message: JSONValue = ["jsonrpc": "2.0", "id": 1, "result": ["action": "accept", "content": ["by": text]]]
            #expect(await fixture.send(.post, message, [(.mcpSessionID, session)], as: caller).status == .accepted)
        }
        await reply("bob", other, bob)
        await reply("alice", session, Self.alice)
        await produced
        #expect(sink.pieces.last?.contains(#""by":"alice""#) == true)
    }
}
