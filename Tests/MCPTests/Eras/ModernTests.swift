import HTTP
import MCP
import Primitives
import Testing

@Suite struct ModernTests {
    private static let version: (String, JSONValue) = ("io.modelcontextprotocol/protocolVersion", "2026-07-28")
    private static let capabilities: (String, JSONValue) = ("io.modelcontextprotocol/clientCapabilities", [:])

    @Test func `discovery names the revisions, the tools and how long to keep it (mcp.md §3.5)`() async throws {
        let answer = try await EndpointFixture().modern("server/discover", id: "d1")
        let result = try #require(answer.json["result"])
        #expect(answer.json["id"] == "d1")
        #expect(result["supportedVersions"] == ["2026-07-28"])
        #expect(result["capabilities"]?["tools"] != nil)
        #expect(result["resultType"] == "complete" && result["cacheScope"] == "private" && result["ttlMs"]?.int ?? -1 >= 0)
        #expect(result["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"] == "test")
        #expect(result["serverInfo"] == nil)
    }

    @Test(
        arguments: [
            [capabilities], [("io.modelcontextprotocol/protocolVersion", 7), capabilities],
            [version], [version, ("io.modelcontextprotocol/clientCapabilities", "none")],
        ] as [[(String, JSONValue)]])
    func `an incomplete envelope is -32602 (mcp.md §3.3)`(_ envelope: [(String, JSONValue)]) async throws {
        let body = EndpointFixture.body("tools/list", id: 5, envelope: envelope)
        let answer = try await EndpointFixture().post(body, EndpointFixture.headers("tools/list"))
        #expect(answer.status == .badRequest && answer.code == -32602 && answer.json["id"] == 5)
    }

    @Test(arguments: ["v999.0.0", "2027-01-01", "2025-11-25"])
    func `a version not served is -32022 and says which are (mcp.md §2)`(_ version: String) async throws {
        let body = EndpointFixture.body(
            "tools/list", envelope: [("io.modelcontextprotocol/protocolVersion", .string(version)), Self.capabilities])
        let answer = try await EndpointFixture().post(body, EndpointFixture.headers("tools/list", version: version))
        #expect(answer.status == .badRequest && answer.code == -32022)
        #expect(answer.json["error"]?["data"] == ["supported": ["2026-07-28"], "requested": .string(version)])
    }

    @Test func `a mismatch outranks an unknown version (mcp.md §2)`() async throws {
        let body = EndpointFixture.body(
            "tools/list", envelope: [("io.modelcontextprotocol/protocolVersion", "v999"), Self.capabilities])
        let fixture = try EndpointFixture()
        #expect(await fixture.post(body, EndpointFixture.headers("tools/list")).code == -32020)
        #expect(await fixture.post(body, EndpointFixture.headers("tools/list", version: "v999")).code == -32022)
    }

    @Test(arguments: ["ping", "initialize", "logging/setLevel", "resources/list", "prompts/list", "x", ""])
    func `a method that does not exist is 404 and -32601 (mcp.md §3.3)`(_ method: String) async throws {
        let answer = try await EndpointFixture().modern(method, id: "m")
        #expect(answer.status == .notFound && answer.code == -32601 && answer.json["id"] == "m")
    }

    @Test(arguments: [1, "1", -7, "", 9_007_199_254_740_993, "é\"\\"] as [JSONValue])
    func `an id comes back with its type (mcp.md §3.3)`(_ id: JSONValue) async throws {
        let fixture = try EndpointFixture()
        #expect(await fixture.modern("tools/list", id: id).json["id"] == id)
        #expect(await fixture.modern("nothing", id: id).json["id"] == id)
        #expect(await fixture.legacy("ping", id: id).json["id"] == id)
    }

    @Test func `a notification is taken and answered by nothing`() async throws {
        let body = EndpointFixture.body("notifications/cancelled", id: nil)
        let answer = try await EndpointFixture().post(body, EndpointFixture.headers("notifications/cancelled"))
        #expect(answer.status == .accepted && answer.isEmpty)
    }

    @Test func `tools are listed in order, only those the gate shows, with what a list needs (mcp.md §3.7)`() async throws {
        let result = try #require(try await EndpointFixture().modern("tools/list").json["result"])
        #expect(result["tools"]?.array?.compactMap { $0["name"]?.string } == ["echo", "failing"])
        #expect(result["ttlMs"]?.int ?? -1 >= 0 && result["cacheScope"] == "private" && result["resultType"] == "complete")
        let tool = try #require(result["tools"]?.array?.first)
        #expect(tool["title"] == "ECHO" && tool["description"] == "Does echo." && tool["inputSchema"]?["type"] == "object")
        #expect(tool["annotations"]?["readOnlyHint"] == true)
    }

    @Test(arguments: ["", "abc"])
    func `a cursor we did not issue is -32602`(_ cursor: String) async throws {
        let fixture = try EndpointFixture()
        #expect(await fixture.modern("tools/list", [("cursor", .string(cursor))]).code == -32602)
        #expect(await fixture.legacy("tools/list", [("cursor", .string(cursor))]).code == -32602)
    }

    @Test(arguments: [HTTP.Method.get, .delete, .put])
    func `only POST is served`(_ method: HTTP.Method) async throws {
        let answer = try await EndpointFixture().endpoint.respond(
            to: Request(method: method, path: "/mcp"), caller: nil, in: .sample)
        #expect(answer.status == .methodNotAllowed && answer.fields[.allow] == "POST, OPTIONS" && answer.code != nil)
    }

    @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "application/json, text/plain"])
    func `another media type is 415 with a JSON-RPC body`(_ type: String) async throws {
        let answer = try await EndpointFixture().post("{}", [(.contentType, type)])
        #expect(answer.status == .unsupportedMediaType && answer.code == -32600)
    }

    @Test(arguments: ["", "{", "nul", #"{"a":1,"a":2}"#, #"{"jsonrpc":"2.0"} x"#])
    func `what is no JSON is -32700 without id`(_ body: String) async throws {
        let answer = try await EndpointFixture().post(body)
        #expect(answer.status == .badRequest && answer.code == -32700 && answer.json["id"] == nil)
    }
}
