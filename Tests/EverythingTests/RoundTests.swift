import HTTP
import Primitives
import Testing

/// The rows `input-required-result-*` of mcp.md §10.1 with the fixtures of §10.3.
@Suite struct RoundTests {
    private static let prefix = "test_input_required_result_"

    private func call(
        _ site: Site, _ tool: String, answers: JSONValue? = nil, state: JSONValue? = nil, arguments: JSONValue = [:],
        capabilities: JSONValue = Site.capabilities
    ) async -> Response {
        var params = JSONObject([("name", .string(Self.prefix + tool)), ("arguments", arguments)])
        if let answers { params.append("inputResponses", answers) }
        if let state { params.append("requestState", state) }
        return await site.modern("tools/call", .object(params), capabilities: capabilities)
    }

    private static func accept(_ content: JSONValue) -> JSONValue { ["action": "accept", "content": content] }
    private static let sampled: JSONValue = ["role": "assistant", "content": ["type": "text", "text": "Paris"], "model": "m"]
    private static let roots: JSONValue = ["roots": [["uri": "file:///test/root", "name": "Test Root"]]]

    private func text(_ response: Response) -> String? { response.json["result"]?["content"]?.array?.first?["text"]?.string }
    private func keys(_ response: Response) -> [String]? { response.json["result"]?["inputRequests"]?.object?.keys }

    @Test func `basic-elicitation and result-type: asked, then greeted`() async throws {
        let site = try Site()
        let first = await call(site, "elicitation")
        #expect(first.json["result"]?["resultType"] == "input_required" && keys(first) == ["user_name"])
        #expect(first.json["result"]?["inputRequests"]?["user_name"]?["method"] == "elicitation/create")
        #expect(first.json["result"]?["ttlMs"] == nil && first.json["result"]?["content"] == nil)
        let second = await call(site, "elicitation", answers: ["user_name": Self.accept(["name": "Alice"])])
        #expect(text(second) == "Hello, Alice!" && second.json["result"]?["resultType"] == "complete")
    }

    @Test func `basic-sampling and basic-list-roots`() async throws {
        let site = try Site()
        let first = await call(site, "sampling")
        let question = first.json["result"]?["inputRequests"]?["capital_question"]
        #expect(question?["method"] == "sampling/createMessage" && question?["params"]?["maxTokens"] == 100)
        #expect(text(await call(site, "sampling", answers: ["capital_question": Self.sampled])) == "Sampling result: Paris")
        #expect(await call(site, "list_roots").json["result"]?["inputRequests"]?["client_roots"]?["method"] == "roots/list")
        #expect(text(await call(site, "list_roots", answers: ["client_roots": Self.roots])) == "Found 1 root(s)")
    }

    @Test func `request-state: what was handed out comes back`() async throws {
        let site = try Site()
        let state = try #require(await call(site, "request_state").json["result"]?["requestState"])
        let answers: JSONValue = ["confirm": Self.accept(["ok": true])]
        #expect(text(await call(site, "request_state", answers: answers, state: state))?.contains("state-ok") == true)
        #expect(keys(await call(site, "request_state", answers: answers)) == ["confirm"])
    }

    @Test func `multiple-input-requests: three of different kinds at once`() async throws {
        let site = try Site()
        let first = await call(site, "multiple_inputs")
        #expect(keys(first) == ["user_name", "greeting", "client_roots"])
        let state = try #require(first.json["result"]?["requestState"])
        let answers: JSONValue = [
            "user_name": Self.accept(["name": "Alice"]), "greeting": Self.sampled, "client_roots": Self.roots,
        ]
        #expect(
            text(await call(site, "multiple_inputs", answers: answers, state: state)) == "Name: Alice; Greeting: Paris; Roots: 1")
    }

    @Test func `multi-round: each round has another state`() async throws {
        let site = try Site()
        let first = await call(site, "multi_round")
        let one = try #require(first.json["result"]?["requestState"])
        let second = await call(site, "multi_round", answers: ["step1": Self.accept(["name": "Alice"])], state: one)
        let two = try #require(second.json["result"]?["requestState"])
        #expect(keys(first) == ["step1"] && keys(second) == ["step2"] && one != two)
        let third = await call(site, "multi_round", answers: ["step2": Self.accept(["color": "blue"])], state: two)
        #expect(text(third) == "Multi-round complete for Alice who likes blue")
    }

    @Test func `missing-input-response: a wrong key asks again`() async throws {
        let answer = try await call(Site(), "elicitation", answers: ["wrong": Self.accept(["name": "x"])])
        #expect(answer.json["result"]?["resultType"] == "input_required" && keys(answer) == ["user_name"])
    }

    @Test func `ignore-extra-params: further keys do no harm`() async throws {
        let answers: JSONValue = ["user_name": Self.accept(["name": "Alice"]), "more": Self.accept([:])]
        #expect(try await text(call(Site(), "elicitation", answers: answers)) == "Hello, Alice!")
    }

    @Test(
        arguments: [["user_name": 12345], ["user_name": ["action": "accept", "content": ["name": 7]]], .null, []] as [JSONValue])
    func `validate-input: a malformed answer is no success`(_ answers: JSONValue) async throws {
        let answer = try await call(Site(), "elicitation", answers: answers)
        #expect(answer.code == -32602 || answer.json["result"]?["resultType"] == "input_required")
    }

    @Test(arguments: ["-TAMPERED", "A", "="])
    func `tampered-state: any change is an error`(_ change: String) async throws {
        let site = try Site()
        let state = try #require(await call(site, "tampered_state").json["result"]?["requestState"]?.string)
        let answers: JSONValue = ["confirm": Self.accept(["ok": true])]
        #expect(await call(site, "tampered_state", answers: answers, state: .string(state + change)).code == -32602)
        #expect(text(await call(site, "tampered_state", answers: answers, state: .string(state)))?.contains("integrity-ok") == true)
    }

    @Test func `a state of another tool or of other arguments is as unknown as an invented one (mcp.md §3.6)`() async throws {
        let site = try Site()
        let state = try #require(await call(site, "request_state").json["result"]?["requestState"])
        let answers: JSONValue = ["confirm": Self.accept(["ok": true])]
        let refusals = [
            await call(site, "tampered_state", answers: answers, state: state),
            await call(site, "request_state", answers: answers, state: state, arguments: ["a": 1]),
            await call(site, "request_state", answers: answers, state: "invented"),
        ]
        #expect(refusals.allSatisfy { $0.code == -32602 && $0.json == refusals[0].json })
    }

    @Test(
        arguments: [
            (["sampling": [:]], ["sample"]), (["elicitation": [:]], ["user_name"]), (["roots": [:]], ["client_roots"]),
            (["elicitation": ["url": [:]]], nil), ([:], nil),
        ] as [(JSONValue, [String]?)])
    func `capability-check: nothing is asked that was not declared`(_ declared: JSONValue, _ expected: [String]?) async throws {
        #expect(try await keys(call(Site(), "capabilities", capabilities: declared)) == expected)
    }

    @Test func `non-tool-request: a prompt asks too`() async throws {
        let site = try Site()
        let first = await site.modern("prompts/get", ["name": "test_input_required_result_prompt"])
        #expect(first.json["result"]?["resultType"] == "input_required" && keys(first) == ["user_context"])
        let second = await site.modern(
            "prompts/get",
            ["name": "test_input_required_result_prompt", "inputResponses": ["user_context": Self.accept(["context": "tests"])]])
        #expect(second.json["result"]?["messages"]?.array?.first?["content"]?["text"] == "Prompt with context: tests")
    }

    @Test(arguments: ["tools/list", "prompts/list", "resources/list", "server/discover"])
    func `unsupported-methods: a list never asks`(_ method: String) async throws {
        let result = try await Site().modern(method, ["inputResponses": [:]]).json["result"]
        #expect(result?["resultType"] == "complete" && result?["inputRequests"] == nil)
    }
}
