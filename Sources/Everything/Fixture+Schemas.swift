internal import MCP
internal import Primitives

/// Tools whose schemas matter (mcp.md §10.4).
extension Fixture {
    var schemaTools: [Tool] { [jsonSchema, mirrored, structured, structuredArray] }

    private var jsonSchema: Tool {
        fixtureTool(
            "json_schema_2020_12_tool", "Has a schema with every keyword that must survive.",
            input: [
                "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                "$defs": [
                    "address": [
                        "$anchor": "addressDef", "type": "object",
                        "properties": ["street": ["type": "string"], "city": ["type": "string"]],
                    ]
                ],
                "properties": [
                    "name": ["type": "string"], "address": ["$ref": "#/$defs/address"],
                    "contactMethod": ["type": "string", "enum": ["phone", "email"]], "phone": ["type": "string"],
                    "email": ["type": "string"],
                ],
                "allOf": [["anyOf": [["required": ["phone"]], ["required": ["email"]]]]],
                "if": ["properties": ["contactMethod": ["const": "phone"]], "required": ["contactMethod"]],
                "then": ["required": ["phone"]], "else": ["required": ["email"]], "additionalProperties": false,
            ], isLocal: true
        ) { arguments, _ in .text("JSON Schema 2020-12 tool called with: \(JSONValue.object(arguments).text)") }
    }

    private var mirrored: Tool {
        fixtureTool(
            "test_x_mcp_header", "Repeats a region that travels in a header, too.",
            input: [
                "type": "object",
                "properties": [
                    "region": ["type": "string", "description": "Any text.", "x-mcp-header": "Region"],
                    "count": ["type": "integer", "description": "Any number.", "x-mcp-header": "Count"],
                ],
            ], isLocal: true
        ) { arguments, _ in .text("Region: \(arguments["region"]?.string ?? "none")") }
    }

    private var structured: Tool {
        fixtureTool(
            "test_structured_content", "Returns an object that has a schema.",
            output: [
                "type": "object", "properties": ["temperature": ["type": "number"], "unit": ["type": "string"]],
                "required": ["temperature", "unit"],
            ], meta: ["com.example/fixture": true], isLocal: true
        ) { _, _ in .structured(["temperature": 21.5, "unit": "celsius"]) }
    }

    private var structuredArray: Tool {
        fixtureTool(
            "test_structured_array", "Returns an array that has a schema.",
            output: ["type": "array", "items": ["type": "integer"]], isLocal: true
        ) { _, _ in .structured([1, 2, 3]) }
    }
}
