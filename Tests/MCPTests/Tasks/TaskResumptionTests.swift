import HTTP
import MCP
import Primitives
import Testing

@Suite struct TaskResumptionTests {
    private static let alice = Principal.make("alice")
    private static let tasks: JSONValue = ["extensions": ["io.modelcontextprotocol/tasks": [:]]]

    /// A tool that only reads and waits.
    private static func waiting(_ latch: Latch) -> Tool {
        Tool(
            name: "wait", title: "Wait", description: "Waits.", inputSchema: ["type": "object"],
            annotations: ToolAnnotations(readOnly: true, idempotent: true), permission: .read
        ) { arguments, _ in
            await latch.wait()
            return .structured(.object(arguments))
        }.runningAsTask
    }

    private func start(_ fixture: MemoryFixture) async throws -> JSONValue {
        let call: JSONValue = ["name": "wait", "arguments": ["id": "x"]]
        let result = await fixture.modern("tools/call", call, as: Self.alice, capabilities: Self.tasks)
        guard case .stream(let produce) = result.body else { return try #require(result.json["result"]?["taskId"]) }
        let sink = Sink()
        await produce(sink)
        return try #require(sink.messages.last?["result"]?["taskId"])
    }

    private func get(_ fixture: MemoryFixture, _ task: JSONValue, as caller: Principal = alice) async -> Response {
        await fixture.modern("tasks/get", ["taskId": task], as: caller, capabilities: Self.tasks)
    }

    @Test func `a task is its user's alone, whatever client asks (mcp.md §3.9)`() async throws {
        let fixture = try MemoryFixture([Self.waiting(Latch())])
        let task = try await start(fixture)
        #expect(await get(fixture, task).json["result"]?["status"] == "working")
        #expect(await get(fixture, task, as: .make("alice", client: "other", grant: nil)).json["result"]?["status"] == "working")
        let (foreign, invented) = (await get(fixture, task, as: .make("bob")), await get(fixture, "invented"))
        #expect(foreign.code == -32602 && foreign.json == invented.json)
    }

    @Test func `a task that only reads is taken up by another process, once and judged anew`() async throws {
        let latch = Latch()
        let before = try MemoryFixture([Self.waiting(Latch())])
        let task = try await start(before)
        let after = try MemoryFixture([Self.waiting(latch)], instance: "two")
        #expect(await get(after, task, as: .make("bob")).code == -32602)
        #expect(await get(after, task).json["result"]?["taskId"] == task)
        latch.open()
        var got = await get(after, task)
        while got.json["result"]?["status"] == "working" {
            await Task.yield()
            got = await get(after, task)
        }
        #expect(got.json["result"]?["result"]?["structuredContent"] == ["id": "x"])
        #expect(after.gate.admitted == ["wait"] && after.gate.arguments == [#"{"id":"x"}"#])
    }

    @Test func `an expired task is unknown`() async throws {
        let fixture = try MemoryFixture([Self.waiting(Latch())])
        let task = try await start(fixture)
        fixture.clock.pass(.seconds(3700))
        #expect(await get(fixture, task).code == -32602)
    }

    @Test func `a user has only so many tasks at once`() async throws {
        let fixture = try MemoryFixture([Self.waiting(Latch())])
        for _ in 0..<32 { _ = try await start(fixture) }
        let call: JSONValue = ["name": "wait", "arguments": [:]]
        let refused = await fixture.modern("tools/call", call, as: Self.alice, capabilities: Self.tasks)
        #expect(refused.code == 4290)
        let other = await fixture.modern("tools/call", call, as: .make("bob"), capabilities: Self.tasks)
        #expect(other.json["result"]?["resultType"] == "task")
    }
}
