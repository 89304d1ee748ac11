internal import HTTP
internal import MCP
internal import Primitives

/// Qarnot's secrets store. Values go in and never come back through these tools.
extension QarnotEngine {
    private static let secretKey = Schema.string(
        "Key, such as team/password.", maximum: 512, pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")

    var listSecrets: Tool {
        tool(
            ToolDefinition(
                "list_secrets", title: "List secrets",
                description: "Lists the keys of the user's Qarnot secrets, never their values. A key ending in / holds more keys.",
                input: Schema.object([
                    (
                        "prefix",
                        Schema.string(
                            "Only keys below it.", maximum: 512, pattern: "^([A-Za-z0-9_][A-Za-z0-9_.-]*/?)+$")
                    )
                ]),
                output: Schema.output([("keys", Schema.array(Schema.string("Key."), "Keys."))], required: ["keys"]),
                .reading, .admin)
        ) { arguments, session throws(QarnotFailure) in
            let prefix = arguments["prefix"]?.string ?? ""
            let parts = prefix.split(separator: "/").map(String.init)
            let keys = try await session.get(["secrets-manager", "search"] + (parts.isEmpty ? [""] : parts), query: [])["keys"]
            // Qarnot names them relative to the prefix; the other tools take whole keys.
            let start = parts.isEmpty ? "" : parts.joined(separator: "/") + "/"
            return ["keys": .array((keys?.array ?? []).compactMap(\.string).map { .string(start + $0) })]
        }
    }

    var setSecret: Tool {
        tool(
            ToolDefinition(
                "set_secret", title: "Set a secret",
                description: "Stores a secret at Qarnot, replacing one of the same key. Tasks read it by secrets access rights.",
                input: Schema.object(
                    [("key", Self.secretKey), ("value", Schema.string("Value.", minimum: 1, maximum: 65_536))],
                    required: ["key", "value"]),
                output: Schema.output(
                    [("key", Schema.string("The key.")), ("created", Schema.boolean("False when one was replaced."))],
                    required: ["key", "created"]),
                ToolAnnotations(destructive: true, idempotent: true), .admin)
        ) { arguments, session throws(QarnotFailure) in
            let key = arguments["key"]?.string ?? ""
            let path = ["secrets-manager", "data"] + key.split(separator: "/").map(String.init)
            let body: JSONValue = ["Value": arguments["value"] ?? ""]
            do throws(QarnotFailure) {
                try await session.send(.put, path, body: body, purpose: .change)
                return ["key": .string(key), "created": true]
            } catch {
                guard error.code == .conflict else { throw error }
                try await session.send(.patch, path, body: body, purpose: .change)
                return ["key": .string(key), "created": false]
            }
        }
    }

    var deleteSecret: Tool {
        tool(
            ToolDefinition(
                "delete_secret", title: "Delete a secret", description: "Deletes a secret at Qarnot. It cannot be brought back.",
                input: Schema.object([("key", Self.secretKey)], required: ["key"]),
                output: Schema.output(
                    [("key", Schema.string("The key.")), ("deleted", Schema.boolean("True."))], required: ["key", "deleted"]),
                .ending, .admin)
        ) { arguments, session throws(QarnotFailure) in
            let key = arguments["key"]?.string ?? ""
            try await session.remove(["secrets-manager", "data"] + key.split(separator: "/").map(String.init))
            return ["key": .string(key), "deleted": true]
        }
    }
}
