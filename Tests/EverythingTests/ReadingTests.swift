import HTTP
import Primitives
import Testing

/// The rows of mcp.md §10.1 about prompts, resources and completion.
@Suite struct ReadingTests {
    @Test(arguments: Site.Era.allCases)
    func `completion-complete: values are an array, an unknown prompt is -32602`(_ era: Site.Era) async throws {
        let site = try Site()
        let reference: JSONValue = ["type": "ref/prompt", "name": "test_prompt_with_arguments"]
        let result = await site.result(era, "completion/complete", ["ref": reference, "argument": ["name": "arg1", "value": ""]])
        #expect(result?["completion"]?["values"]?.array?.isEmpty == false && result?["completion"]?["hasMore"] == false)
        let unknown: JSONValue = ["ref": ["type": "ref/prompt", "name": "nothing"], "argument": ["name": "a", "value": ""]]
        #expect(await site.modern("completion/complete", unknown).code == -32602)
    }

    @Test(arguments: Site.Era.allCases)
    func `resources-list and resources-read-text`(_ era: Site.Era) async throws {
        let site = try Site()
        let first = try #require(await site.result(era, "resources/list")?["resources"]?.array?.first)
        #expect(first["uri"] == "test://static-text" && first["name"] != nil)
        let contents = await site.result(era, "resources/read", ["uri": "test://static-text"])?["contents"]?.array
        let expected: JSONValue = [
            "uri": "test://static-text", "mimeType": "text/plain", "text": "This is the content of the static text resource.",
        ]
        #expect(contents == [expected])
    }

    @Test(arguments: Site.Era.allCases)
    func `resources-read-binary: a blob of its type`(_ era: Site.Era) async throws {
        let contents = try await Site().result(era, "resources/read", ["uri": "test://static-binary"])?["contents"]?.array
        #expect(contents?.first?["mimeType"] == "image/png" && contents?.first?["text"] == nil)
        #expect(contents?.first?["blob"]?.string.flatMap { Base64.decode($0, .standard) } != nil)
    }

    @Test(arguments: Site.Era.allCases)
    func `resources-templates-read: the address fills the template`(_ era: Site.Era) async throws {
        let site = try Site()
        let templates = await site.result(era, "resources/templates/list")?["resourceTemplates"]?.array
        #expect(templates?.map { $0["uriTemplate"] } == ["test://template/{id}/data"])
        let contents = await site.result(era, "resources/read", ["uri": "test://template/123/data"])?["contents"]?.array
        #expect(contents?.first?["uri"] == "test://template/123/data" && contents?.first?["text"]?.string?.contains("123") == true)
    }

    @Test(arguments: ["test://nothing", "test://template//data", "test://template/../data", "test://template/a%2Fb/data"])
    func `sep-2164-resource-not-found: never empty contents`(_ uri: String) async throws {
        let site = try Site()
        let modern = await site.modern("resources/read", ["uri": .string(uri)])
        #expect(modern.status == .ok && modern.code == -32602 && modern.json["error"]?["data"]?["uri"]?.string == uri)
        let legacy = await site.handshake().request("resources/read", ["uri": .string(uri)])
        #expect(legacy.code == -32002 && legacy.json["error"]?["data"]?["uri"]?.string == uri)
    }

    @Test(arguments: Site.Era.allCases)
    func `prompts-list: every prompt is described`(_ era: Site.Era) async throws {
        let prompts = try #require(try await Site().result(era, "prompts/list")?["prompts"]?.array)
        #expect(prompts.count >= 5 && prompts.allSatisfy { $0["name"] != nil && $0["description"]?.string?.isEmpty == false })
    }

    private func messages(_ era: Site.Era, _ name: String, _ arguments: JSONValue = [:]) async throws -> [JSONValue]? {
        try await Site().result(era, "prompts/get", ["name": .string(name), "arguments": arguments])?["messages"]?.array
    }

    @Test(arguments: Site.Era.allCases)
    func `prompts-get-simple and prompts-get-with-args`(_ era: Site.Era) async throws {
        let simple = try await messages(era, "test_simple_prompt")
        #expect(simple == [["role": "user", "content": ["type": "text", "text": "This is a simple prompt for testing."]]])
        let filled = try await messages(era, "test_prompt_with_arguments", ["arg1": "hello", "arg2": "world"])
        #expect(filled?.first?["content"]?["text"] == "Prompt with arguments: arg1='hello', arg2='world'")
    }

    @Test(arguments: Site.Era.allCases)
    func `a missing argument and an unknown prompt are -32602 (mcp.md §5)`(_ era: Site.Era) async throws {
        let site = try Site()
        for params in [["name": "test_prompt_with_arguments", "arguments": ["arg1": "a"]], ["name": "nothing"]] as [JSONValue] {
            let answer =
                era == .modern ? await site.modern("prompts/get", params) : await site.handshake().request("prompts/get", params)
            #expect(answer.status == .ok && answer.code == -32602)
        }
    }

    @Test(arguments: Site.Era.allCases)
    func `prompts-get-embedded-resource and prompts-get-with-image`(_ era: Site.Era) async throws {
        let embedded = try #require(
            try await messages(era, "test_prompt_with_embedded_resource", ["resourceUri": "test://example"]))
        let resource: JSONValue = [
            "uri": "test://example", "mimeType": "text/plain", "text": "Embedded resource content for testing.",
        ]
        #expect(embedded.first?["content"] == ["type": "resource", "resource": resource])
        #expect(embedded.last?["content"]?["text"] == "Please process the embedded resource above.")
        let image = try #require(try await messages(era, "test_prompt_with_image"))
        #expect(image.first?["content"]?["type"] == "image" && image.first?["content"]?["mimeType"] == "image/png")
        #expect(image.last?["content"]?["type"] == "text")
    }

    @Test(
        arguments: [
            ("tools/list", [:]), ("prompts/list", [:]), ("resources/list", [:]), ("resources/templates/list", [:]),
            ("server/discover", [:]),
            ("resources/read", ["uri": "test://static-text"]),
        ] as [(String, JSONValue)])
    func `caching: each list and read says how long and for whom`(_ method: String, _ params: JSONValue) async throws {
        let result = try #require(try await Site().modern(method, params).json["result"])
        #expect(try #require(result["ttlMs"]?.int) >= 0 && result["cacheScope"] == "private" && result["resultType"] == "complete")
    }
}
