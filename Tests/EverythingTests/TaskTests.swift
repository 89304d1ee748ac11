import HTTP
import Primitives
import Testing

/// The rows `tasks-*` of mcp.md §10.4.
@Suite struct TaskTests {
    private func start(_ site: Site, _ tool: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        let answer = await site.modern("tools/call", ["name": .string(tool), "arguments": arguments], capabilities: Site.tasks)
        return try #require(answer.json["result"])
    }

    private func get(_ site: Site, _ task: JSONValue) async throws -> JSONValue {
        try #require(await site.modern("tasks/get", ["taskId": task], capabilities: Site.tasks).json["result"])
    }

    /// Waits for a state.
    private func wait(_ site: Site, _ task: JSONValue, for status: JSONValue) async throws -> JSONValue {
        while true {
            let got = try await get(site, task)
            if got["status"] == status { return got }
            await Task.yield()
        }
    }

    @Test func `tasks-wire-fields and tasks-request-state-removal: a new task is flat`() async throws {
        let site = try Site()
        let created = try await start(site, "slow_compute", ["seconds": 60, "label": "x"])
        #expect(created["resultType"] == "task" && created["status"] == "working")
        #expect(try #require(created["ttlMs"]?.int) > 0 && (try #require(created["pollIntervalMs"]?.int)) > 0)
        for name in ["createdAt", "lastUpdatedAt"] { #expect(created[name]?.string.flatMap(Timestamp.init(rfc3339:)) != nil) }
        let id = try #require(created["taskId"])
        for got in [created, try await get(site, id)] {
            for name in ["task", "result", "error", "inputRequests", "requestState", "ttl", "pollInterval"] {
                #expect(got[name] == nil, "\(name)")
            }
        }
        #expect(try await get(site, id)["taskId"] == id)
    }

    @Test func `tasks-lifecycle: a completed task has its result inside`() async throws {
        let site = try Site()
        let created = try await start(site, "slow_compute", ["seconds": 0.2, "label": "x"])
        let done = try await wait(site, try #require(created["taskId"]), for: "completed")
        #expect(done["resultType"] == "complete" && done["error"] == nil)
        #expect(done["result"]?["content"]?.array?.first?["text"]?.string?.hasPrefix("Computed x") == true)
        #expect(done["result"]?["_meta"]?["io.modelcontextprotocol/related-task"] == nil)
    }

    @Test func `tasks-lifecycle: failures of the tool are completed, those of the protocol failed`() async throws {
        let site = try Site()
        let failing = try await start(site, "failing_job")
        let ended = try await wait(site, try #require(failing["taskId"]), for: "completed")
        #expect(ended["result"]?["isError"] == true)
        let breaking = try await start(site, "protocol_error_job")
        let broken = try await wait(site, try #require(breaking["taskId"]), for: "failed")
        #expect(broken["result"] == nil && broken["error"]?["code"]?.int == -32603 && broken["error"]?["message"]?.string != nil)
    }

    @Test func `tasks-lifecycle: cancelling is acknowledged by nothing, again and again`() async throws {
        let site = try Site()
        let id = try #require(try await start(site, "slow_compute", ["seconds": 60])["taskId"])
        for _ in 0..<2 {
            let ack = await site.modern("tasks/cancel", ["taskId": id], capabilities: Site.tasks).json["result"]
            #expect(ack?["resultType"] == "complete" && ack?["taskId"] == nil && ack?["status"] == nil)
        }
        #expect(try await get(site, id)["status"] == "cancelled")
    }

    @Test func `tasks-capability-negotiation: without the extension there are no tasks`() async throws {
        let site = try Site()
        let waited = await site.modern("tools/call", ["name": "slow_compute", "arguments": ["seconds": 0.2]])
        #expect(await waited.messages().last?["result"]?["resultType"] == "complete")
        let id = try #require(try await start(site, "slow_compute", ["seconds": 60])["taskId"])
        let legacyOnly: JSONValue = ["tasks": ["requests": [:]]]
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            for capabilities in [Site.capabilities, legacyOnly] {
                let answer = await site.modern(method, ["taskId": id, "inputResponses": [:]], capabilities: capabilities)
                #expect(answer.status == .badRequest && answer.code == -32021)
            }
        }
    }

    @Test(arguments: ["failing_job", "test_tool_with_task"])
    func `tasks-required-task-error: a tool that must be a task says what it needs`(_ tool: String) async throws {
        let answer = try await Site().modern("tools/call", ["name": .string(tool), "arguments": [:]])
        #expect(answer.status == .badRequest && answer.code == -32021)
        #expect(
            answer.json["error"]?["data"]?["requiredCapabilities"] == ["extensions": ["io.modelcontextprotocol/tasks": [:]]])
    }

    @Test func `tasks-mrtr-input: a task asks, and goes on when the last answer is there`() async throws {
        let site = try Site()
        let id = try #require(try await start(site, "multi_input")["taskId"])
        let asking = try await wait(site, id, for: "input_required")
        let keys = try #require(asking["inputRequests"]?.object?.keys)
        #expect(keys.count == 2 && asking["inputRequests"]?[keys[0]]?["method"] == "elicitation/create")
        func update(_ key: String) async -> JSONValue? {
            let accepted: JSONValue = ["action": "accept", "content": ["confirm": true]]
            let answers: JSONValue = .object(JSONObject([(key, accepted)]))
            return await site.modern("tasks/update", ["taskId": id, "inputResponses": answers], capabilities: Site.tasks).json[
                "result"]
        }
        #expect(await update("unknown")?["resultType"] == "complete")
        #expect(await update(keys[0])?["resultType"] == "complete")
        let partly = try await get(site, id)
        #expect(partly["status"] == "input_required" && partly["inputRequests"]?.object?.keys == [keys[1]])
        _ = await update(keys[1])
        #expect(try await wait(site, id, for: "completed")["inputRequests"] == nil)
    }

    @Test func `a task asks nothing its client did not declare (mcp.md §3.6)`() async throws {
        let site = try Site()
        let capabilities: JSONValue = ["extensions": ["io.modelcontextprotocol/tasks": [:]]]
        let call: JSONValue = ["name": "confirm_delete", "arguments": ["filename": "f"]]
        let id = try #require(await site.modern("tools/call", call, capabilities: capabilities).json["result"]?["taskId"])
        let done = try await wait(site, id, for: "completed")
        #expect(done["result"]?["content"]?.array?.first?["text"] == "Kept f" && done["inputRequests"] == nil)
    }

    @Test func `tasks-mrtr-composition: questions first, then a task`() async throws {
        let site = try Site()
        let first = try await start(site, "test_tool_with_task")
        #expect(first["resultType"] == "input_required" && first["taskId"] == nil)
        let answers: JSONValue = ["user_name": ["action": "accept", "content": ["name": "Alice"]]]
        let second = await site.modern(
            "tools/call", ["name": "test_tool_with_task", "arguments": [:], "inputResponses": answers], capabilities: Site.tasks
        ).json["result"]
        #expect(second?["resultType"] == "task" && second?["requestState"] == nil && second?["inputRequests"] == nil)
        let done = try await wait(site, try #require(second?["taskId"]), for: "completed")
        #expect(done["result"]?["content"]?.array?.first?["text"]?.string?.contains("Alice") == true)
    }

    @Test func `tasks-request-headers: the name is the task's`() async throws {
        let site = try Site()
        let id = try #require(try await start(site, "slow_compute", ["seconds": 60])["taskId"])
        let answer = await site.modern("tasks/get", ["taskId": id], capabilities: Site.tasks, fields: [(.mcpName, "other")])
        #expect(answer.status == .badRequest && answer.code == -32020)
    }

    @Test func `tasks-dispatch-and-envelope: a stray task parameter changes nothing, an unknown task is -32602`() async throws {
        let site = try Site()
        let greeted = await site.modern(
            "tools/call", ["name": "greet", "arguments": ["name": "World"], "task": ["ttl": 60_000]], capabilities: Site.tasks)
        #expect(
            greeted.json["result"]?["content"]?.array?.first?["text"] == "Hello, World!" && greeted.json["result"]?["taskId"] == nil
        )
        let instant = try await start(site, "slow_compute", ["seconds": 0])
        #expect(instant["resultType"] == "complete")
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let answer = await site.modern(method, ["taskId": "invented", "inputResponses": [:]], capabilities: Site.tasks)
            #expect(answer.status == .ok && answer.code == -32602)
        }
    }

    @Test func `tasks-status-notifications: a listener is told each state`() async throws {
        let site = try Site()
        let id = try #require(try await start(site, "confirm_delete", ["filename": "f"])["taskId"])
        _ = try await wait(site, id, for: "input_required")
        let answer = await site.modern(
            "subscriptions/listen", ["notifications": ["taskIds": [id, "invented"]]], capabilities: Site.tasks, id: 5)
        guard case .stream(let produce) = answer.body else { throw Unexpected() }
        let reader = Reader()
        let serving = Task { await produce(reader) }
        while reader.messages.isEmpty { await Task.yield() }
        #expect(reader.messages[0]["params"]?["notifications"] == ["taskIds": [id]])
        let answers: JSONValue = ["confirm": ["action": "accept", "content": ["confirm": true]]]
        _ = await site.modern("tasks/update", ["taskId": id, "inputResponses": answers], capabilities: Site.tasks)
        while reader.messages.last?["params"]?["status"] != "completed" { await Task.yield() }
        let last = try #require(reader.messages.last)
        #expect(last["method"] == "notifications/tasks" && last["params"]?["taskId"] == id)
        #expect(last["params"]?["result"]?["content"]?.array?.first?["text"] == "Deleted f")
        serving.cancel()
        await serving.value
    }
}
