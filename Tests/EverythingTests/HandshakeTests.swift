import HTTP
import Primitives
import Testing

/// The rows of mcp.md §10.1 and §10.4 that only the handshake era has.
@Suite struct HandshakeTests {
    @Test func `server-initialize: the session id is visible ASCII`() async throws {
        let session = try await Site().handshake()
        #expect(session.hello["protocolVersion"] == "2025-11-25" && session.hello["serverInfo"]?["name"] == "mcp-everything")
        #expect(try #require(session.id).utf8.allSatisfy { (0x21...0x7E).contains($0) })
        #expect(session.hello["capabilities"]?["logging"] == [:] && session.hello["capabilities"]?["extensions"] == nil)
    }

    @Test func `ping and logging-set-level return exactly nothing`() async throws {
        let session = try await Site().handshake()
        #expect(await session.request("ping").json["result"] == [:])
        #expect(await session.request("logging/setLevel", ["level": "info"]).json["result"] == [:])
        #expect(await session.request("logging/setLevel", ["level": "loud"]).code == -32602)
    }

    @Test func `tools-call-with-logging: three messages after setLevel debug, none before`() async throws {
        let session = try await Site().handshake()
        let call: JSONValue = ["name": "test_tool_with_logging", "arguments": [:]]
        #expect(await session.request("tools/call", call).messages().count == 1)
        _ = await session.request("logging/setLevel", ["level": "debug"])
        let messages = await session.request("tools/call", call).messages()
        #expect(
            messages.dropLast().map { $0["params"]?["data"]?.string } == [
                "Tool execution started", "Tool processing data", "Tool execution completed",
            ])
        #expect(messages.dropLast().allSatisfy { $0["method"] == "notifications/message" && $0["params"]?["level"] == "info" })
    }

    @Test func `tools-call-sampling: the client's model is asked and quoted`() async throws {
        let messages = try await Site().handshake().call("test_sampling", ["prompt": "Capital of France?"]) { request in
            #expect(request["method"] == "sampling/createMessage" && request["params"]?["maxTokens"] == 100)
            #expect(request["params"]?["messages"]?.array?.first?["content"]?["text"] == "Capital of France?")
            return ["role": "assistant", "content": ["type": "text", "text": "Paris"], "model": "m", "stopReason": "endTurn"]
        }
        #expect(messages.last?["result"]?["content"]?.array?.first?["text"] == "LLM response: Paris")
    }

    @Test(arguments: ["accept", "decline", "cancel"])
    func `tools-call-elicitation: whatever the person says is repeated`(_ action: String) async throws {
        let messages = try await Site().handshake().call("test_elicitation", ["message": "Who?"]) { request in
            #expect(request["method"] == "elicitation/create" && request["params"]?["message"] == "Who?")
            #expect(request["params"]?["requestedSchema"]?["required"] == ["username", "email"])
            return action == "accept"
                ? ["action": "accept", "content": ["username": "a", "email": "b"]] : ["action": .string(action)]
        }
        let content = action == "accept" ? #"{"username":"a","email":"b"}"# : "{}"
        #expect(
            messages.last?["result"]?["content"]?.array?.first?["text"]?.string
                == "User response: <action: \(action), content: \(content)>")
    }

    private func form(of tool: String) async throws -> JSONValue {
        let messages = try await Site().handshake().call(tool) { _ in ["action": "accept", "content": ["x": 1]] }
        #expect(
            messages.last?["result"]?["content"]?.array?.first?["text"] == #"Elicitation completed: action=accept, content={"x":1}"#
        )
        return try #require(messages.first?["params"]?["requestedSchema"]?["properties"])
    }

    @Test func `elicitation-sep1034-defaults: every kind of field has one`() async throws {
        let form = try await form(of: "test_elicitation_sep1034_defaults")
        let defaults: [String: JSONValue] = [
            "name": "John Doe", "age": 30, "score": 95.5, "status": "active", "verified": true,
        ]
        for (name, value) in defaults { #expect(form[name]?["default"] == value, "\(name)") }
        #expect(form["age"]?["type"] == "integer" && form["score"]?["type"] == "number")
        #expect(form["status"]?["enum"] == ["active", "inactive", "pending"])
    }

    @Test func `elicitation-sep1330-enums: every kind of choice`() async throws {
        let form = try await form(of: "test_elicitation_sep1330_enums")
        #expect(form["untitledSingle"]?["enum"] == ["option1", "option2", "option3"])
        #expect(form["titledSingle"]?["oneOf"]?.array?.first?["const"] == "value1")
        #expect(form["legacyEnum"]?["enum"]?.array?.count == 3 && form["legacyEnum"]?["enumNames"]?.array?.count == 3)
        #expect(form["untitledMulti"]?["items"]?["enum"]?.array?.count == 3)
        #expect(form["titledMulti"]?["items"]?["anyOf"]?.array?.first?["title"] != nil)
    }

    @Test func `resources-subscribe and resources-unsubscribe return nothing, and the stream tells`() async throws {
        let site = try Site()
        let session = await site.handshake()
        #expect(await session.request("resources/subscribe", ["uri": "test://watched-resource"]).json["result"] == [:])
        let stream = await session.bare(.get)
        guard case .stream(let produce) = stream.body else { throw Unexpected() }
        let reader = Reader()
        let serving = Task { await produce(reader) }
        while reader.texts.isEmpty { await Task.yield() }
        _ = await session.request("tools/call", ["name": "test_trigger_resource_update", "arguments": [:]])
        while reader.messages.isEmpty { await Task.yield() }
        #expect(await session.request("resources/unsubscribe", ["uri": "test://watched-resource"]).json["result"] == [:])
        _ = await session.request("tools/call", ["name": "test_trigger_resource_update", "arguments": [:]])
        _ = await session.request("tools/call", ["name": "test_trigger_tool_change", "arguments": [:]])
        while reader.messages.count < 2 { await Task.yield() }
        #expect(
            reader.messages.map { $0["method"]?.string } == [
                "notifications/resources/updated", "notifications/tools/list_changed",
            ])
        serving.cancel()
        await serving.value
    }

    @Test func `a prompt asks through the stream of its request (mcp.md §4.6)`() async throws {
        let session = try await Site().handshake()
        let answer = await session.request("prompts/get", ["name": "test_input_required_result_prompt"])
        let messages = await answer.messages { message in
            guard let question = message["id"], message["method"] == "elicitation/create" else { return }
            let result: JSONValue = ["action": "accept", "content": ["context": "tests"]]
            _ = await session.site.send(["jsonrpc": "2.0", "id": question, "result": result], session.fields())
        }
        let result = messages.last?["result"]
        #expect(result?["messages"]?.array?.first?["content"]?["text"] == "Prompt with context: tests" && result?["_meta"] == nil)
        let silent = try await Site().handshake(capabilities: [:]).request(
            "prompts/get", ["name": "test_input_required_result_prompt"])
        #expect(silent.code == -32602)
    }

    @Test func `server-session-lifecycle: after DELETE the id is unknown`() async throws {
        let session = try await Site().handshake()
        #expect(await session.bare(.delete).status == .noContent)
        #expect(await session.request("ping").status == .notFound)
        #expect(await session.bare(.delete).status == .notFound)
        #expect(await session.bare(.get).status == .notFound)
    }

    @Test func `server-sse-polling: the stream is let go of, and the result waits for whoever comes back`() async throws {
        let session = try await Site().handshake()
        let answer = await session.request("tools/call", ["name": "test_reconnection", "arguments": [:]])
        let events = await answer.events()
        let first = try #require(events.first)
        #expect(first.wholeMatch(of: /id: [0-9]+\.1\ndata: \n\n/) != nil)
        #expect(events.contains { $0.hasPrefix("retry: ") } && !events.contains { $0.contains("\"result\"") })
        let id = String(first.dropFirst(4).prefix { $0 != "\n" })
        let rest = await session.bare(.get, [(.accept, "text/event-stream"), (.lastEventID, id)]).messages()
        #expect(rest.last?["id"] == 1 && rest.last?["result"]?["content"] != nil)
    }

    @Test(arguments: Site.Era.allCases)
    func `server-sse-multiple-streams: requests at once are all answered`(_ era: Site.Era) async throws {
        let site = try Site()
        let session = await site.handshake()
        await withTaskGroup { group in
            for id in 1...3 {
                group.addTask {
                    era == .modern
                        ? await site.modern("tools/list", id: .int(id)) : await session.request("tools/list", id: .int(id))
                }
            }
            var ids: Set<JSONValue> = []
            for await answer in group {
                #expect(answer.status == .ok)
                if let id = answer.json["id"] { ids.insert(id) }
            }
            #expect(ids == [1, 2, 3])
        }
    }
}

/// Something was not what the test needs to go on.
struct Unexpected: Error {}
