import MCP
import Primitives
import Testing

@Suite struct MirroredArgumentTests {
    private func register(_ schema: JSONValue) throws {
        let tool = Tool(
            name: "x", title: "", description: "", inputSchema: schema, annotations: ToolAnnotations(), permission: .read
        ) { _, _ in .structured([:]) }
        _ = try ToolRegistry([tool])
    }

    @Test(
        arguments: [
            ["a": ["type": "string", "x-mcp-header": "A"], "b": ["type": "integer", "x-mcp-header": "B"]],
            ["a": ["type": "object", "properties": ["b": ["type": "boolean", "x-mcp-header": "Deep-Name"]]]],
        ] as [JSONValue])
    func `tokens on strings, integers and booleans are fine (mcp.md §3.2)`(_ properties: JSONValue) throws {
        try register(["type": "object", "properties": properties])
    }

    @Test(
        arguments: [
            ["type": "object", "properties": ["a": ["type": "number", "x-mcp-header": "A"]]],
            ["type": "object", "properties": ["a": ["type": "string", "x-mcp-header": ""]]],
            ["type": "object", "properties": ["a": ["type": "string", "x-mcp-header": "a b"]]],
            ["type": "object", "properties": ["a": ["type": "string", "x-mcp-header": 7]]],
            [
                "type": "object",
                "properties": ["a": ["type": "string", "x-mcp-header": "A"], "b": ["type": "string", "x-mcp-header": "a"]],
            ],
            ["type": "object", "properties": ["a": ["type": "array", "items": ["type": "string", "x-mcp-header": "A"]]]],
            ["type": "object", "anyOf": [["properties": ["a": ["type": "string", "x-mcp-header": "A"]]]]],
        ] as [JSONValue])
    func `a tool clients would drop cannot be registered (mcp.md §3.2)`(_ schema: JSONValue) {
        #expect(throws: ToolRegistry.Problem.invalidHeader("x")) { try register(schema) }
    }
}
