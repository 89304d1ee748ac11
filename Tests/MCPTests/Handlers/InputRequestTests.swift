import Primitives
import Testing

@testable import MCP

@Suite struct InputRequestTests {
    @Test(
        arguments: [
            ("elicitation/create", ["message": "?"], .elicitationForm),
            ("elicitation/create", ["mode": "url", "url": "https://a"], .elicitationURL),
            ("sampling/createMessage", [:], .sampling), ("roots/list", [:], .roots),
        ] as [(String, JSONValue, ClientCapabilities)])
    func `a question of another server needs what its kind needs`(
        _ method: String, _ params: JSONValue, _ needs: ClientCapabilities
    ) throws {
        let request = try #require(InputRequest(method: method, params: params))
        #expect(request.needs == needs && request.method == method && request.params == params)
    }

    @Test func `what no client is asked by is no question`() {
        #expect(InputRequest(method: "tools/call", params: [:]) == nil)
    }

    @Test func `the id of a page is for those who wait, and a mode for those who know it (mcp.md §5)`() throws {
        let page = InputRequest.url("Open.", url: "https://a", id: "p")
        #expect(page.embedded["params"]?["elicitationId"] == nil && page.embedded["params"]?["mode"] == "url")
        let form = InputRequest.form("Who?", schema: ["type": "object"])
        func params(_ request: InputRequest, _ revision: Revision) throws -> JSONValue? {
            try JSONValue(parsing: request.request(id: 1, for: revision))["params"]
        }
        #expect(try params(page, .november2025)?["elicitationId"] == "p")
        #expect(try params(form, .november2025)?["mode"] == "form" && params(form, .june2025)?["mode"] == nil)
        #expect(try params(.roots, .november2025) == nil)
    }
}
