import HTTP
import MCP
import Primitives
import Testing

@Suite struct LegacyTests {
    @Test(arguments: [
        ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"), ("1.0", "2025-11-25"), ("", "2025-11-25"),
    ])
    func `the version asked for is served, or our newest with a handshake (mcp.md §2)`(_ asked: String, _ served: String)
        async throws
    {
        let answer = try await EndpointFixture().legacy(
            "initialize",
            [("protocolVersion", .string(asked)), ("capabilities", [:]), ("clientInfo", ["name": "t", "version": "1"])],
            version: nil)
        let result = try #require(answer.json["result"])
        #expect(answer.status == .ok && result["protocolVersion"]?.string == served)
        #expect(result["serverInfo"]?["name"] == "test" && result["instructions"] == "Test tools.")
        #expect(result["capabilities"]?["tools"] != nil)
        #expect(result["resultType"] == nil && result["_meta"] == nil)
        #expect(!answer.fields.contains(.mcpSessionID))
    }

    @Test func `a handshake without version is -32602`() async throws {
        #expect(try await EndpointFixture().legacy("initialize", [("capabilities", [:])], version: nil).code == -32602)
    }

    @Test func `ping is exactly empty, lists carry nothing of later revisions`() async throws {
        let fixture = try EndpointFixture()
        #expect(await fixture.legacy("ping").json["result"] == [:])
        let list = try #require(await fixture.legacy("tools/list").json["result"])
        #expect(list.object?.keys.elementsEqual(["tools"]) == true)
        #expect(list["tools"]?.array?.compactMap { $0["name"]?.string } == ["echo", "failing"])
    }

    @Test func `an unknown method is 200 and -32601: 404 would mean a dead session (mcp.md §4.2)`() async throws {
        let answer = try await EndpointFixture().legacy("resources/list")
        #expect(answer.status == .ok && answer.code == -32601)
    }

    @Test func `a revision nobody serves is 400 with a JSON-RPC body (mcp.md §2)`() async throws {
        let answer = try await EndpointFixture().legacy("ping", version: "2024-01-01")
        #expect(answer.status == .badRequest && answer.code == -32600)
    }

    @Test(arguments: [#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, #"{"jsonrpc":"2.0","id":9,"result":{}}"#])
    func `notifications and responses are accepted without an answer`(_ body: String) async throws {
        let answer = try await EndpointFixture().post(body)
        #expect(answer.status == .accepted && answer.isEmpty)
    }

    @Test func `calls carry no envelope of later revisions`() async throws {
        let answer = try await EndpointFixture().legacy("tools/call", [("name", "echo"), ("arguments", ["a": 1])])
        #expect(answer.json["result"]?["structuredContent"] == ["a": 1])
        #expect(answer.json["result"]?["resultType"] == nil && answer.json["result"]?["_meta"] == nil)
    }

    // MARK: batches (mcp.md §4.5)

    private func batch(_ elements: String..., version: String? = nil, fixture: EndpointFixture? = nil) async throws -> Response {
        let fields: Fields = version.map { [(.mcpProtocolVersion, $0)] } ?? []
        return await (try fixture ?? EndpointFixture()).post("[" + elements.joined(separator: ",") + "]", fields)
    }

    private static let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
    private static let call = #"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"echo","arguments":{"a":1}}}"#
    private static let note = #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#

    @Test func `each request of a batch has its answer, notifications have none`() async throws {
        let answer = try await batch(Self.ping, Self.note, Self.call, #"{"jsonrpc":"2.0","id":3,"method":"x"}"#)
        #expect(answer.status == .ok)
        let replies = try #require(answer.json.array)
        #expect(replies.map { $0["id"] } == [1, "c", 3])
        #expect(replies[2]["error"]?["code"] == -32601)
    }

    @Test func `a batch of notifications is accepted without an answer`() async throws {
        let answer = try await batch(Self.note, Self.note)
        #expect(answer.status == .accepted && answer.isEmpty)
    }

    @Test func `an element that is no message is answered in its place`() async throws {
        let replies = try #require(try await batch("1", Self.ping).json.array)
        #expect(replies.count == 2 && replies[0]["error"]?["code"] == -32600 && replies[1]["id"] == 1)
    }

    @Test func `the handshake is no part of a batch`() async throws {
        let answer = try await batch(
            Self.ping, #"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}"#)
        #expect(answer.status == .badRequest && answer.code == -32600)
    }

    @Test func `one refused element refuses the whole batch`() async throws {
        let fixture = try EndpointFixture()
        fixture.gate.refuse(with: .scope)
        let answer = try await batch(Self.ping, Self.call, fixture: fixture)
        #expect(answer.status == .forbidden && answer.fields.contains(.wwwAuthenticate))
    }

    @Test(arguments: ["2025-06-18", "2025-11-25", "2026-07-28"])
    func `batches exist in 2025-03-26 alone`(_ version: String) async throws {
        let answer = try await batch(Self.ping, version: version)
        #expect(answer.status == .badRequest && answer.code == -32600)
    }
}

extension Refusal {
    static let scope = Refusal(
        status: .forbidden, fields: [(.wwwAuthenticate, "Bearer error=\"insufficient_scope\", scope=\"qarnot:execute\"")],
        error: RPCError(.forbidden, "The token lacks qarnot:execute."), events: [Event("mcp.tool.denied", .denied)])
}
