import Primitives
import Testing

@testable import MCP

@Suite struct ClientCapabilitiesTests {
    @Test(
        arguments: [
            ("{}", []), (#"{"elicitation":{}}"#, .elicitationForm), (#"{"elicitation":{"form":{}}}"#, .elicitationForm),
            (#"{"elicitation":{"url":{}}}"#, .elicitationURL),
            (#"{"elicitation":{"form":{},"url":{}}}"#, [.elicitationForm, .elicitationURL]),
            (#"{"sampling":{},"roots":{}}"#, [.sampling, .roots]),
            (#"{"sampling":true,"elicitation":[]}"#, []), (#"{"tasks":{}}"#, []),
            (#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#, .tasks),
        ] as [(String, ClientCapabilities)])
    func `what a client declares is what it can (mcp.md §3.6, §3.9)`(_ text: String, _ expected: ClientCapabilities) throws {
        #expect(ClientCapabilities(try JSONDocument(parsing: Array(text.utf8)).root) == expected)
    }
}
