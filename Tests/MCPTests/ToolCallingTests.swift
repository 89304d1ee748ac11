import HTTP
import MCP
import Primitives
import Synchronization
import Testing

@Suite struct ToolCallingTests {
    /// A tool that waits outside of memory: reports what it is told, then waits to be let go.
    private static func waiting(_ latch: Latch, progress: [(Double, Double?, String?)] = [], cancelled: Latch? = nil) -> Tool {
        .make("slow", isLocal: false) { _, context in
            for (value, total, message) in progress { await context.progress(value, total, message) }
            await withTaskCancellationHandler {
                await latch.wait()
            } onCancel: {
                cancelled?.open()
                latch.open()
            }
            return .structured(["done": true])
        }
    }

    private static let arguments: [(String, JSONValue)] = [("name", "slow"), ("arguments", [:])]

    // MARK: one answer

    @Test func `a local tool is answered in JSON with the gate's fields (mcp.md §3.4)`() async throws {
        let fixture = try EndpointFixture()
        let answer = await fixture.modern("tools/call", [("name", "echo"), ("arguments", ["a": [1, 2]])])
        let result = try #require(answer.json["result"])
        #expect(answer.status == .ok && answer.fields[.contentType] == "application/json")
        #expect(answer.fields[.rateLimit] == "\"user\";r=1;t=1")
        #expect(result["structuredContent"] == ["a": [1, 2]] && result["resultType"] == "complete" && result["isError"] == nil)
        #expect(result["content"]?.array?.first?["text"] == "{\"a\":[1,2]}")
        #expect(fixture.gate.admitted == ["echo"] && fixture.gate.outcomes == [.completed])
    }

    @Test func `the gate sees the arguments as they came`() async throws {
        let fixture = try EndpointFixture()
        let body =
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{ "b" : 1.0, "a":"\u0041"}}}"#
        _ = await fixture.post(body)
        _ = await fixture.legacy("tools/call", [("name", "echo")])
        #expect(fixture.gate.arguments == [#"{ "b" : 1.0, "a":"\u0041"}"#, "{}"])
    }

    @Test func `an alias reaches its tool and is judged as it`() async throws {
        let fixture = try EndpointFixture()
        #expect(await fixture.modern("tools/call", [("name", "repeat"), ("arguments", [:])]).json["result"] != nil)
        #expect(fixture.gate.admitted == ["echo"])
    }

    @Test(
        arguments: [
            [("name", "nothing"), ("arguments", [:])], [("arguments", [:])], [("name", 7)], [("name", "echo"), ("arguments", [1])],
            [("name", "echo"), ("arguments", "x")], [("name", "echo"), ("arguments", .null)],
        ] as [[(String, JSONValue)]])
    func `an unknown tool or a malformed call is -32602 in band and reaches no gate (mcp.md §3.3)`(_ params: [(String, JSONValue)])
        async throws
    {
        let fixture = try EndpointFixture()
        for answer in [await fixture.modern("tools/call", params, id: "x"), await fixture.legacy("tools/call", params, id: "x")] {
            #expect(answer.status == .ok && answer.code == -32602 && answer.json["id"] == "x")
        }
        #expect(fixture.gate.admitted.isEmpty)
    }

    @Test func `a tool's own failure is a result the model reads`() async throws {
        let fixture = try EndpointFixture()
        let answer = await fixture.modern("tools/call", [("name", "failing"), ("arguments", [:])])
        #expect(answer.json["result"]?["isError"] == true && answer.json["error"] == nil)
        #expect(fixture.gate.outcomes == [.toolError])
    }

    @Test func `a refusal of the gate is complete and nothing runs (RS-8)`() async throws {
        let ran = Latch()
        let fixture = try EndpointFixture([
            .make("slow") { _, _ in
                ran.open()
                return .structured([:])
            }
        ])
        fixture.gate.refuse(with: .scope)
        let answer = await fixture.modern("tools/call", Self.arguments, id: "q")
        #expect(answer.status == .forbidden && answer.fields[.wwwAuthenticate]?.contains("insufficient_scope") == true)
        #expect(answer.code == 4030 && answer.json["id"] == "q")
        #expect(answer.events.map(\.name) == ["mcp.tool.denied"])
        #expect(fixture.gate.outcomes.isEmpty)
    }

    @Test func `a tool the list hides is still judged by the gate, so that a remedy is told (RS-8)`() async throws {
        let fixture = try EndpointFixture()
        fixture.gate.refuse(with: .scope)
        #expect(await fixture.modern("tools/call", [("name", "admin_only"), ("arguments", [:])]).status == .forbidden)
    }

    @Test(arguments: [true, false])
    func `an answer whose outcome cannot be recorded is withheld (COM-11)`(_ isLocal: Bool) async throws {
        let fixture = try EndpointFixture([.make("slow", isLocal: isLocal) { _, _ in .structured(["secret": 1]) }])
        fixture.gate.breakAudit()
        let answer = await fixture.modern("tools/call", Self.arguments)
        #expect(answer.status == .serviceUnavailable && answer.fields[.retryAfter] != nil)
        #expect(answer.json["result"] == nil && answer.code == 5030)
    }

    // MARK: streams

    @Test func `a quick remote tool is answered in JSON`() async throws {
        let latch = Latch()
        latch.open()
        let fixture = try EndpointFixture([Self.waiting(latch)])
        let answer = await fixture.modern("tools/call", Self.arguments)
        #expect(answer.json["result"]?["structuredContent"] == ["done": true])
    }

    @Test func `a slow tool becomes a stream when patience ends (mcp.md §3.4)`() async throws {
        let latch = Latch()
        let fixture = try EndpointFixture([Self.waiting(latch)])
        async let pending = fixture.modern("tools/call", Self.arguments, id: "s")
        await fixture.sleeper.pass(.seconds(1))
        let answer = await pending
        #expect(answer.status == .ok && answer.fields[.contentType] == "text/event-stream")
        #expect(
            answer.fields[.cacheControl]?.contains("no-transform") == true && answer.fields[FieldName("x-accel-buffering")] == "no")
        #expect(answer.fields[.rateLimit] != nil)
        let (producer, sink) = (try #require(answer.producer), Sink())
        async let ended: Void = producer(sink)
        await fixture.sleeper.pass(.seconds(15))
        while sink.pieces.isEmpty { await Task.yield() }
        latch.open()
        await ended
        #expect(sink.pieces.first == ":\n\n")
        #expect(
            sink.messages.count == 1 && sink.messages[0]["id"] == "s" && sink.messages[0]["result"]?["resultType"] == "complete")
    }

    @Test(arguments: [nil, "application/json", "*/*"] as [String?])
    func `a client that reads no streams waits for JSON`(_ accept: String?) async throws {
        let latch = Latch()
        let fixture = try EndpointFixture([Self.waiting(latch)])
        async let pending = fixture.modern("tools/call", Self.arguments, accept: accept)
        await fixture.sleeper.pass(.seconds(15))
        latch.open()
        #expect(await pending.json["result"]?["structuredContent"] == ["done": true])
    }

    @Test func `progress goes to whoever asked, rising, before the answer (mcp.md §5)`() async throws {
        let latch = Latch()
        let reports: [(Double, Double?, String?)] = [(1, 10, "started"), (1, nil, nil), (0.5, nil, nil), (2, nil, nil)]
        let fixture = try EndpointFixture([Self.waiting(latch, progress: reports)])
        let answer = await fixture.modern("tools/call", Self.arguments, meta: [("progressToken", "p")])
        let (producer, sink) = (try #require(answer.producer), Sink())
        async let ended: Void = producer(sink)
        while sink.messages.count < 2 { await Task.yield() }
        latch.open()
        await ended
        let messages = sink.messages
        #expect(messages.map { $0["params"]?["progress"]?.double } == [1, 2, nil])
        #expect(messages[0]["method"] == "notifications/progress" && messages[0]["params"]?["progressToken"] == "p")
        #expect(messages[0]["params"]?["total"]?.double == 10 && messages[0]["params"]?["message"] == "started")
        #expect(messages[2]["result"] != nil)
    }

    @Test func `without a token nothing is reported`() async throws {
        let latch = Latch()
        latch.open()
        let fixture = try EndpointFixture([Self.waiting(latch, progress: [(1, nil, nil), (2, nil, nil)])])
        #expect(await fixture.modern("tools/call", Self.arguments).json["result"] != nil)
    }

    @Test func `a stream ends when the credential no longer stands (RS-12)`() async throws {
        let (latch, cancelled) = (Latch(), Latch())
        let fixture = try EndpointFixture([Self.waiting(latch, cancelled: cancelled)])
        async let pending = fixture.modern("tools/call", Self.arguments)
        await fixture.sleeper.pass(.seconds(1))
        let (producer, sink) = (try #require(await pending.producer), Sink())
        fixture.gate.withdrawCredential()
        async let ended: Void = producer(sink)
        await fixture.sleeper.pass(.seconds(15))
        await ended
        #expect(sink.messages.isEmpty)
        await cancelled.wait()
    }

    @Test func `an audit that fails late withholds the streamed result too (COM-11)`() async throws {
        let latch = Latch()
        let fixture = try EndpointFixture([Self.waiting(latch)])
        async let pending = fixture.modern("tools/call", Self.arguments)
        await fixture.sleeper.pass(.seconds(1))
        let (producer, sink) = (try #require(await pending.producer), Sink())
        fixture.gate.breakAudit()
        latch.open()
        await producer(sink)
        #expect(sink.messages.count == 1 && sink.messages[0]["result"] == nil && sink.messages[0]["error"]?["code"] == 5030)
    }

    // MARK: disconnects (mcp.md §1)

    @Test func `a lost stream cancels a call of 2026-07-28`() async throws {
        let (latch, cancelled) = (Latch(), Latch())
        let fixture = try EndpointFixture([Self.waiting(latch, cancelled: cancelled)])
        async let pending = fixture.modern("tools/call", Self.arguments)
        await fixture.sleeper.pass(.seconds(1))
        let (producer, sink) = (try #require(await pending.producer), Sink())
        sink.disconnect()
        async let ended: Void = producer(sink)
        await fixture.sleeper.pass(.seconds(15))
        await ended
        await cancelled.wait()
        while fixture.gate.outcomes.isEmpty { await Task.yield() }
        #expect(fixture.gate.outcomes == [.cancelled])
    }

    @Test func `a lost stream does not cancel an earlier revision's call`() async throws {
        let latch = Latch()
        let fixture = try EndpointFixture([Self.waiting(latch)])
        async let pending = fixture.legacy("tools/call", Self.arguments)
        await fixture.sleeper.pass(.seconds(1))
        let (producer, sink) = (try #require(await pending.producer), Sink())
        sink.disconnect()
        async let ended: Void = producer(sink)
        await fixture.sleeper.pass(.seconds(15))
        await ended
        #expect(fixture.gate.outcomes.isEmpty)
        latch.open()
        while fixture.gate.outcomes.isEmpty { await Task.yield() }
        #expect(fixture.gate.outcomes == [.completed])
    }

    @Test(arguments: [true, false])
    func `a request dropped before its answer cancels the call of 2026-07-28 alone`(_ isModern: Bool) async throws {
        let (latch, cancelled) = (Latch(), Latch())
        let fixture = try EndpointFixture([Self.waiting(latch, cancelled: cancelled)])
        let request = Task {
            isModern
                ? await fixture.modern("tools/call", Self.arguments, accept: nil)
                : await fixture.legacy("tools/call", Self.arguments, accept: nil)
        }
        while fixture.gate.admitted.isEmpty { await Task.yield() }
        request.cancel()
        _ = await request.value
        if !isModern {
            #expect(fixture.gate.outcomes.isEmpty)
            latch.open()
        }
        while fixture.gate.outcomes.isEmpty { await Task.yield() }
        #expect(fixture.gate.outcomes == [isModern ? .cancelled : .completed])
    }

    // MARK: the end of a server, and of a stream nobody reads

    @Test func `a call that outlasts a drain is given up, and its stream ends with an error (RS-12)`() async throws {
        let (latch, cancelled) = (Latch(), Latch())
        let fixture = try EndpointFixture([Self.waiting(latch, progress: [(1, nil, nil)], cancelled: cancelled)])
        let answer = await fixture.modern("tools/call", Self.arguments, meta: [("progressToken", "p")])
        let (produce, sink) = (try #require(answer.producer), Sink())
        async let produced: Void = produce(sink)
        while sink.pieces.isEmpty { await Task.yield() }
        fixture.streams.endCalls()
        await produced
        await cancelled.wait()
        #expect(sink.messages.last?["error"]?["code"] == 5030 && sink.messages.last?["id"] == 1)
        #expect(fixture.gate.outcomes == [.cancelled])
    }

    @Test func `a call that outlasts a drain is answered 503 where no stream is read`() async throws {
        let fixture = try EndpointFixture([Self.waiting(Latch(), cancelled: Latch())])
        async let answer = fixture.legacy("tools/call", Self.arguments, accept: "application/json")
        while fixture.gate.admitted.isEmpty { await Task.yield() }
        fixture.streams.endCalls()
        let response = await answer
        #expect(response.status == .serviceUnavailable && response.code == 5030 && response.fields[.retryAfter] == "5")
        #expect(fixture.gate.outcomes == [.cancelled])
    }

    @Test func `a stream whose head could not be sent cancels its call (mcp.md §3.4)`() async throws {
        let cancelled = Latch()
        let fixture = try EndpointFixture([Self.waiting(Latch(), progress: [(1, nil, nil)], cancelled: cancelled)])
        do {
            let answer = await fixture.modern("tools/call", Self.arguments, meta: [("progressToken", "p")])
            #expect(answer.producer != nil)
        }  // dropped unsent
        await cancelled.wait()
    }

    @Test func `a tool that never falls silent does not keep an ended credential going (RS-12)`() async throws {
        let latch = Latch()
        // With no time between looks, each notification is one.
        let fixture = try EndpointFixture(
            [Self.waiting(latch, progress: [(1, nil, nil), (2, nil, nil), (3, nil, nil)])], keepAlive: .zero)
        let answer = await fixture.modern("tools/call", Self.arguments, meta: [("progressToken", "p")])
        fixture.gate.withdrawCredential()
        let (produce, sink) = (try #require(answer.producer), Sink())
        await produce(sink)
        #expect(sink.messages.count == 1 && sink.messages.allSatisfy { $0["result"] == nil })
        latch.open()
    }
}

@Suite struct ToolRegistryTests {
    @Test(arguments: ["", "a b", "a.b", "a/b", "é", String(repeating: "a", count: 65)])
    func `a name is 1 to 64 of letters, digits, hyphen and underscore`(_ name: String) {
        #expect(throws: ToolRegistry.Problem.invalidName(name)) { try ToolRegistry([.make(name) { _, _ in .structured([:]) }]) }
    }

    @Test func `names and aliases are unique together`() {
        #expect(throws: ToolRegistry.Problem.duplicateName("echo")) {
            try ToolRegistry([.echo, .make("x", aliases: ["echo"]) { _, _ in .structured([:]) }])
        }
    }

    @Test func `an input schema is an object at its root`() {
        let tool = Tool(
            name: "x", title: "X", description: "X.", inputSchema: ["type": "array"], annotations: ToolAnnotations(),
            permission: .read,
            run: { _, _ in .structured([:]) })
        #expect(throws: ToolRegistry.Problem.inputSchemaIsNoObject("x")) { try ToolRegistry([tool]) }
    }
}
