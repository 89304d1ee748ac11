import MCP
import Policy
import Primitives

/// `whoami`: what the gateway knows of the caller, answered from memory (contract §4).
enum WhoamiTool {
    static func make(engine: String, keys: VaultKeys, limits: Configuration.Limits) -> Tool {
        let described = describe(limits)
        return Tool(
            name: "whoami", title: "Who am I",
            description: "Tells the signed-in user, role, scopes and whether an API key is stored.",
            inputSchema: ["type": "object", "properties": [:], "additionalProperties": false], outputSchema: output,
            annotations: ToolAnnotations(readOnly: true, idempotent: true, openWorld: false), permission: .read, isLocal: true
        ) { _, context in
            guard let caller = context.caller else { return .failure("Nobody is signed in.") }
            var object = JSONObject()
            object.append("user", .string(caller.username))
            object.append("role", .string(caller.role.rawValue))
            object.append("scopes", .array(caller.scopes.scopes.map { .string($0.description) }))
            object.append("engine", .string(engine))
            object.append("key", .string(await keys.state(for: caller.userID)))
            object.append("limits", described)
            return .structured(.object(object))
        }
    }

    private static func describe(_ limits: Configuration.Limits) -> JSONValue {
        func quota(_ quota: Quota?) -> JSONValue {
            guard let quota else { return "off" }
            return ["rate": .int(quota.rate), "window_s": .int(quota.window.components.seconds), "burst": .int(quota.burst)]
        }
        return ["user": quota(limits.user), "tool": quota(limits.toolDefault)]
    }

    private static let output: JSONValue = [
        "type": "object",
        "properties": [
            "user": ["type": "string"], "role": ["type": "string", "enum": ["viewer", "operator", "admin"]],
            "scopes": ["type": "array", "items": ["type": "string"]], "engine": ["type": "string"],
            "key": ["type": "string", "enum": ["present", "missing", "rejected"]], "limits": ["type": "object"],
        ],
        "required": ["user", "role", "scopes", "engine", "key", "limits"],
    ]
}
