import MCP
import Primitives

/// The REST view as an OpenAPI 3.1 document, made of the tools' own schemas.
struct OpenAPIDocument {
    let issuer: String
    private var paths = JSONObject()

    init(issuer: String) {
        self.issuer = issuer
        paths.append("/tools", ["get": Self.listing("listTools", "List the tools of the default engine.")])
    }

    /// Adds the tools of one engine, each an object of `tools/list`.
    mutating func add(_ tools: [JSONValue], engine: String, isDefault: Bool) {
        paths["/tools/\(engine)"] = ["get": Self.listing("list_\(engine)", "List the tools of \(engine).")]
        for tool in tools {
            guard let name = tool["name"]?.string, Self.isPlain(name) else { continue }
            if isDefault { paths["/tools/\(name)"] = ["post": operation(tool, name, "")] }
            paths["/tools/\(engine)/\(name)"] = ["post": operation(tool, name, engine + "_")]
        }
    }

    var json: JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Gatehouse tools", "version": .string(Version.current),
                "description": "The MCP tools of this gateway as plain REST: POST a JSON object of arguments.",
            ],
            "servers": [["url": .string(issuer)]],
            "security": [["bearer": []], ["apiKey": []]],
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "bearer": ["type": "http", "scheme": "bearer"],
                    "apiKey": ["type": "apiKey", "in": "header", "name": "X-API-Key"],
                ],
                "schemas": ["Error": Self.errorSchema, "Tools": Self.toolsSchema],
            ],
        ]
    }

    private func operation(_ tool: JSONValue, _ name: String, _ prefix: String) -> JSONValue {
        var result: JSONValue = [
            "type": "object",
            "properties": [
                "content": ["type": "array", "items": ["type": "object"]],
                "isError": ["type": "boolean", "description": "The call failed in a way its text explains."],
            ],
            "required": ["content"],
        ]
        if let output = tool["outputSchema"], var object = result.object, var properties = object["properties"]?.object {
            properties["structuredContent"] = rooted(output, "\(prefix)\(name)/output")
            object["properties"] = .object(properties)
            result = .object(object)
        }
        var operation = JSONObject()
        operation.append("operationId", .string(prefix + name))
        operation.append("summary", tool["title"] ?? .string(name))
        if let description = tool["description"] { operation.append("description", description) }
        let input = rooted(tool["inputSchema"] ?? ["type": "object"], "\(prefix)\(name)/input")
        let body: JSONValue = ["required": false, "content": ["application/json": ["schema": input]]]
        operation.append("requestBody", body)
        let returned: JSONValue = ["description": "What the tool returned.", "content": ["application/json": ["schema": result]]]
        var responses = JSONObject()
        responses.append("200", returned)
        for (code, text) in [
            ("400", "The arguments are not right."), ("401", "Sign in."), ("403", "Not permitted."), ("404", "No such tool."),
            ("409", "A key is missing or was rejected."), ("429", "Too many calls."), ("503", "Not available now."),
        ] { responses.append(code, Self.failure(text)) }
        operation.append("responses", .object(responses))
        return .object(operation)
    }

    /// A schema that refers to parts of itself is a resource of its own, or its references would point into this document.
    private func rooted(_ schema: JSONValue, _ name: String) -> JSONValue {
        guard var object = schema.object, object["$id"] == nil, Self.refers(schema) else { return schema }
        object["$id"] = .string("\(issuer)/schemas/\(name)")
        return .object(object)
    }

    private static func refers(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): object.members.contains { $0.key == "$ref" || refers($0.value) }
        case .array(let elements): elements.contains(where: refers)
        default: false
        }
    }

    private static func isPlain(_ name: String) -> Bool {
        name.utf8.allSatisfy { ($0 | 0x20) &- 0x61 < 26 || $0 &- 0x30 < 10 || "-_.".utf8.contains($0) }
    }

    private static func listing(_ id: String, _ summary: String) -> JSONValue {
        [
            "operationId": .string(id), "summary": .string(summary),
            "responses": [
                "200": [
                    "description": "The tools the caller may call.",
                    "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Tools"]]],
                ],
                "401": failure("Sign in."), "409": failure("A key is missing or was rejected."),
            ],
        ]
    }

    private static func failure(_ text: String) -> JSONValue {
        [
            "description": .string(text),
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
        ]
    }

    private static let errorSchema: JSONValue = [
        "type": "object",
        "properties": ["error": ["type": "string"], "error_description": ["type": "string"], "data": [:]],
        "required": ["error", "error_description"],
    ]

    private static let toolsSchema: JSONValue = [
        "type": "object",
        "properties": ["engine": ["type": "string"], "tools": ["type": "array", "items": ["type": "object"]]],
        "required": ["engine", "tools"],
    ]
}

extension OpenAPIDocument {
    /// A tool of our own, as `tools/list` would tell it to somebody who may call it.
    static func description(of tool: Tool) -> JSONValue {
        var object = JSONObject([
            ("name", .string(tool.name)), ("title", .string(tool.title)), ("description", .string(tool.description)),
            ("inputSchema", tool.inputSchema),
        ])
        if let output = tool.outputSchema { object.append("outputSchema", output) }
        return .object(object)
    }
}
