import HTTP
import Primitives
import Testing

/// The checks of `server-stateless` (mcp.md §10.2) and the header scenarios of §10.4.
@Suite struct StatelessTests {
    @Test func `discovery declares what is served and nothing else`() async throws {
        let result = try #require(try await Site().modern("server/discover").json["result"])
        #expect(result["supportedVersions"] == ["2026-07-28"] && result["serverInfo"] == nil)
        #expect(result["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"] == "mcp-everything")
        let capabilities = try #require(result["capabilities"])
        #expect(capabilities["tools"]?["listChanged"] == true && capabilities["prompts"]?["listChanged"] == true)
        #expect(capabilities["extensions"]?["io.modelcontextprotocol/tasks"] == [:] && capabilities["tasks"] == nil)
    }

    @Test(arguments: [
        "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "unknown/method", "tasks/list",
        "tasks/result",
    ])
    func `a method this revision does not have is 404`(_ method: String) async throws {
        let answer = try await Site().modern(method, id: "x")
        #expect(answer.status == .notFound && answer.code == -32601 && answer.json["id"] == "x")
    }

    @Test func `a capability that was not declared is 400 and named as an object`() async throws {
        let answer = try await Site().modern(
            "tools/call", ["name": "test_missing_capability", "arguments": [:]], capabilities: [:], id: 401)
        #expect(answer.status == .badRequest && answer.code == -32021 && answer.json["id"] == 401)
        #expect(answer.json["error"]?["data"]?["requiredCapabilities"] == ["sampling": [:]])
    }

    @Test func `a stream of this revision has no requests of the server`() async throws {
        let answer = try await Site().modern("tools/call", ["name": "test_streaming_elicitation", "arguments": [:]])
        let messages = await answer.messages()
        #expect(messages.last?["result"]?["resultType"] == "input_required")
        #expect(messages.allSatisfy { $0["method"] == nil || $0["id"] == nil })
    }

    @Test(arguments: [(String?.none, 0), ("error", 0), ("info", 1), ("debug", 1)])
    func `a log message is sent to whoever set a level`(_ level: String?, _ count: Int) async throws {
        var meta: [(String, JSONValue)] = []
        if let level { meta.append(("io.modelcontextprotocol/logLevel", .string(level))) }
        let answer = try await Site().modern("tools/call", ["name": "test_logging_tool", "arguments": [:]], meta: meta)
        #expect(await answer.messages().filter { $0["method"] == "notifications/message" }.count == count)
    }

    @Test func `a level nobody knows is -32602 (mcp.md §3.1)`() async throws {
        let answer = try await Site().modern("tools/list", meta: [("io.modelcontextprotocol/logLevel", .string("loud"))])
        #expect(answer.status == .badRequest && answer.code == -32602)
    }

    private static let key = "io.modelcontextprotocol/subscriptionId"

    @Test(arguments: [("toolsListChanged", "tools"), ("promptsListChanged", "prompts")])
    func `a listener hears of what it asked for, tagged, and of nothing else`(_ wish: String, _ kind: String) async throws {
        let site = try Site()
        var wishes = JSONObject()
        wishes.append(wish, true)
        wishes.append("resourceSubscriptions", ["test://watched-resource"])
        let wanted = JSONValue.object(wishes)
        let answer = await site.modern("subscriptions/listen", ["notifications": wanted], id: 7)
        guard case .stream(let produce) = answer.body else { throw Unexpected() }
        let reader = Reader()
        let serving = Task { await produce(reader) }
        while reader.messages.isEmpty { await Task.yield() }
        for tool in ["test_trigger_tool_change", "test_trigger_prompt_change", "test_trigger_resource_update"] {
            _ = await site.modern("tools/call", ["name": .string(tool), "arguments": [:]])
        }
        while reader.messages.count < 3 { await Task.yield() }
        let messages = reader.messages
        #expect(messages[0]["method"] == "notifications/subscriptions/acknowledged")
        #expect(messages[0]["params"]?["notifications"] == wanted)
        #expect(
            messages.dropFirst().map { $0["method"]?.string } == [
                "notifications/\(kind)/list_changed", "notifications/resources/updated",
            ])
        #expect(messages.allSatisfy { $0["params"]?["_meta"]?[Self.key] == 7 })
        serving.cancel()
        await serving.value
    }

    // MARK: headers

    @Test func `http-header-validation: the first tool listed is answered in JSON`() async throws {
        let site = try Site()
        let name = try #require(await site.modern("tools/list").json["result"]?["tools"]?.array?.first?["name"])
        let answer = await site.modern("tools/call", ["name": name, "arguments": [:]])
        #expect(answer.fields[.contentType] == "application/json" && answer.json["result"]?["isError"] == nil)
    }

    @Test(
        arguments: [
            ("eu", true), ("  eu ", true), ("=?base64?ZXU=?=", true), ("=?base64?ZXU?=", false), ("=?base64?Z!U=?=", false),
            ("us", false),
            ("ZXU=", false), (nil, false),
        ] as [(String?, Bool)])
    func `http-custom-header-server-validation: the header must say what the body says`(_ header: String?, _ isFine: Bool)
        async throws
    {
        var fields = Fields()
        if let header { fields.append(FieldName("mcp-param-region"), header) }
        let answer = try await Site().modern(
            "tools/call", ["name": "test_x_mcp_header", "arguments": ["region": "eu"]], fields: fields)
        #expect(answer.status == (isFine ? .ok : .badRequest) && answer.code == (isFine ? nil : -32020))
    }

    @Test(arguments: [("42", true), ("42.0", true), ("43", false), ("x", false)])
    func `a mirrored number compares as a number (mcp.md §3.2)`(_ header: String, _ isFine: Bool) async throws {
        let answer = try await Site().modern(
            "tools/call", ["name": "test_x_mcp_header", "arguments": ["count": 42]],
            fields: [(FieldName("mcp-param-count"), header)])
        #expect(answer.status == (isFine ? .ok : .badRequest))
    }

    @Test(arguments: [[:], ["region": .null]] as [JSONValue])
    func `a mirrored header without an argument is refused, and so are two of it (mcp.md §3.2)`(_ arguments: JSONValue) async throws
    {
        let site = try Site()
        let field = FieldName("mcp-param-region")
        let call: JSONValue = ["name": "test_x_mcp_header", "arguments": arguments]
        #expect(await site.modern("tools/call", call, fields: [(field, "eu")]).code == -32020)
        #expect(await site.modern("tools/call", call).status == .ok)
        let twice: JSONValue = ["name": "test_x_mcp_header", "arguments": ["region": "eu"]]
        #expect(await site.modern("tools/call", twice, fields: [(field, "eu"), (field, "eu")]).code == -32020)
        #expect(await site.modern("tools/call", call, fields: [(FieldName("mcp-param-unknown"), "x")]).status == .ok)
    }

    @Test(arguments: Site.Era.allCases)
    func `icons, annotations and _meta of a tool are listed (mcp.md §5)`(_ era: Site.Era) async throws {
        let tools = try #require(try await Site().result(era, "tools/list")?["tools"]?.array)
        let icon = tools.first?["icons"]?.array?.first
        #expect(icon?["src"]?.string?.hasPrefix("data:image/png;base64,") == true && icon?["sizes"] == ["1x1"])
        #expect(tools.allSatisfy { $0["annotations"]?["readOnlyHint"] == true })
        #expect(tools.first { $0["name"] == "test_structured_content" }?["_meta"] == ["com.example/fixture": true])
    }

    @Test(arguments: Site.Era.allCases)
    func `json-schema-2020-12: every keyword survives`(_ era: Site.Era) async throws {
        let tools = try #require(try await Site().result(era, "tools/list")?["tools"]?.array)
        let schema = try #require(tools.first { $0["name"] == "json_schema_2020_12_tool" }?["inputSchema"])
        #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema" && schema["additionalProperties"] == false)
        #expect(schema["$defs"]?["address"]?["$anchor"] == "addressDef")
        #expect(schema["properties"]?["address"]?["$ref"] == "#/$defs/address")
        #expect(schema["allOf"]?.array?.first?["anyOf"]?.array?.count == 2)
        #expect(schema["if"] != nil && schema["then"] == ["required": ["phone"]] && schema["else"] == ["required": ["email"]])
    }
}
