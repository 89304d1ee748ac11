import Primitives
import Testing

@testable import MCP

@Suite struct FormSchemaTests {
    private static let schema: JSONValue = [
        "type": "object",
        "properties": [
            "name": ["type": "string", "minLength": 2, "maxLength": 4], "age": ["type": "integer", "minimum": 1, "maximum": 9],
            "score": ["type": "number"], "ok": ["type": "boolean"], "one": ["type": "string", "enum": ["a", "b"]],
            "titled": ["type": "string", "oneOf": [["const": "x", "title": "X"]]],
            "some": ["type": "array", "minItems": 1, "items": ["type": "string", "enum": ["p", "q"]]],
            "others": ["type": "array", "items": ["anyOf": [["const": "r", "title": "R"]]]],
        ],
        "required": ["name"],
    ]

    private func accepts(_ content: JSONValue) throws -> Bool { FormSchema.accepts(try #require(content.object), Self.schema) }

    @Test(
        arguments: [
            ["name": "Ada"],
            ["name": "Ada", "age": 3, "score": 1.5, "ok": false, "one": "a", "titled": "x", "some": ["p"], "others": ["r"]],
            ["name": "Ada", "more": 1], ["name": "éé"],
        ] as [JSONValue])
    func `what was asked for is accepted (mcp.md §5)`(_ content: JSONValue) throws { #expect(try accepts(content)) }

    @Test(
        arguments: [
            [:], ["name": 7], ["name": "A"], ["name": "Adams"], ["name": "Ada", "age": 1.5], ["name": "Ada", "age": 10],
            ["name": "Ada", "age": "3"], ["name": "Ada", "score": "1"], ["name": "Ada", "ok": "true"], ["name": "Ada", "one": "c"],
            ["name": "Ada", "titled": "X"], ["name": "Ada", "some": []], ["name": "Ada", "some": ["z"]],
            ["name": "Ada", "some": "p"],
            ["name": "Ada", "others": [1]], ["name": .null],
        ] as [JSONValue])
    func `anything else is not (mcp.md §5)`(_ content: JSONValue) throws { #expect(try !accepts(content)) }
}
