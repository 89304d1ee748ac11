import Primitives
import Testing

/// The rows of mcp.md §10.1 about what tools return.
@Suite struct ContentTests {
    private func text(_ era: Site.Era, _ tool: String, _ arguments: JSONValue = [:]) async throws -> String? {
        try await Site().call(era, tool, arguments)?["content"]?.array?.first?["text"]?.string
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-list: every tool has a name, a description and a schema`(_ era: Site.Era) async throws {
        let tools = try #require(try await Site().result(era, "tools/list")?["tools"]?.array)
        for tool in tools {
            #expect(tool["name"]?.string?.wholeMatch(of: /[A-Za-z0-9_.\/-]{1,64}/) != nil, "\(tool)")
            #expect(tool["description"]?.string?.isEmpty == false && tool["inputSchema"]?["type"] == "object", "\(tool)")
        }
        #expect(Set(tools.map { $0["name"] }).count == tools.count)
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-call-simple-text`(_ era: Site.Era) async throws {
        #expect(try await text(era, "test_simple_text") == "This is a simple text response for testing.")
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-call-image and tools-call-audio: Base64 with its type`(_ era: Site.Era) async throws {
        for (tool, type, mime) in [("test_image_content", "image", "image/png"), ("test_audio_content", "audio", "audio/wav")] {
            let block = try #require(try await Site().call(era, tool)?["content"]?.array?.first)
            #expect(block["type"]?.string == type && block["mimeType"]?.string == mime)
            #expect(block["data"]?.string.flatMap { Base64.decode($0, .standard) }?.isEmpty == false)
        }
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-call-embedded-resource`(_ era: Site.Era) async throws {
        let block = try #require(try await Site().call(era, "test_embedded_resource")?["content"]?.array?.first)
        let resource: JSONValue = [
            "uri": "test://embedded-resource", "mimeType": "text/plain", "text": "This is an embedded resource content.",
        ]
        #expect(block == ["type": "resource", "resource": resource])
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-call-mixed-content`(_ era: Site.Era) async throws {
        let blocks = try #require(try await Site().call(era, "test_multiple_content_types")?["content"]?.array)
        #expect(blocks.map { $0["type"]?.string } == ["text", "image", "resource"])
        #expect(blocks[0]["text"] == "Multiple content types test:" && blocks[1]["mimeType"] == "image/png")
        #expect(blocks[2]["resource"]?["uri"] == "test://mixed-content-resource")
        #expect(blocks[2]["resource"]?["text"] == #"{"test":"data","value":123}"#)
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-call-error: a failure is a result`(_ era: Site.Era) async throws {
        let result = try #require(try await Site().call(era, "test_error_handling"))
        #expect(result["isError"] == true)
        #expect(result["content"]?.array?.first?["text"] == "This tool intentionally returns an error for testing")
    }

    @Test(arguments: Site.Era.allCases)
    func `tools-call-with-progress: three steps with the token of the request`(_ era: Site.Era) async throws {
        let site = try Site()
        let params: JSONValue = ["name": "test_tool_with_progress", "arguments": [:]]
        let token: JSONValue = "progress-test-1"
        let answer =
            era == .modern
            ? await site.modern("tools/call", params, meta: [("progressToken", token)])
            : await site.handshake().request(
                "tools/call", ["name": "test_tool_with_progress", "arguments": [:], "_meta": ["progressToken": token]])
        let messages = await answer.messages()
        #expect(messages.dropLast().map { $0["params"]?["progress"]?.double } == [0, 50, 100])
        #expect(messages.dropLast().allSatisfy { $0["params"]?["progressToken"] == token && $0["params"]?["total"]?.double == 100 })
        #expect(messages.last?["result"]?["content"] != nil)
    }

    @Test func `a resource link becomes text for those who know none (mcp.md §4.6)`() async throws {
        let call: JSONValue = ["name": "test_resource_link", "arguments": [:]]
        for (version, type) in [("2025-03-26", "text"), ("2025-06-18", "resource_link"), ("2025-11-25", "resource_link")] {
            let answer = try await Site().handshake(version: version).request("tools/call", call)
            #expect(answer.json["result"]?["content"]?.array?.first?["type"]?.string == type, "\(version)")
        }
    }

    @Test func `an array stays structured for those who may have one (mcp.md §4.6)`() async throws {
        let (old, new) = (
            try await Site().call(.legacy, "test_structured_array"), try await Site().call(.modern, "test_structured_array")
        )
        #expect(new?["structuredContent"] == [1, 2, 3] && old?["structuredContent"] == nil)
        #expect([old, new].allSatisfy { $0?["content"]?.array?.first?["text"] == "[1,2,3]" })
    }
}
