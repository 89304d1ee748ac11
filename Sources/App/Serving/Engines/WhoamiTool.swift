import MCP
import Policy
import Primitives

/// `whoami`: what the gateway knows of the caller, answered from memory (contract §4).
enum WhoamiTool {
    static func make(engine: String, keys: VaultKeys, limits: Configuration.Limits) -> Tool {
        let described = describe(limits).serialized
        return Tool(
            name: "whoami", title: "Who am I",
            description: "Tells the signed-in user, role, scopes and whether an API key is stored.",
            inputSchema: ["type": "object", "properties": [:], "additionalProperties": false], outputSchema: output,
            annotations: ToolAnnotations(readOnly: true, idempotent: true, openWorld: false), permission: .read, isLocal: true
        ) { _, context in
            guard let caller = context.caller else { return .failure("Nobody is signed in.") }
            let key = await keys.state(for: caller.userID)
            return .serialized { out in
                out.append("{\"user\":")
                out.append(jsonString: caller.username)
                out.append(",\"role\":")
                out.append(jsonString: caller.role.rawValue)
                out.append(",\"scopes\":")
                append(caller.scopes, to: &out)
                out.append(",\"engine\":")
                out.append(jsonString: engine)
                out.append(",\"key\":")
                out.append(jsonString: key)
                out.append(",\"limits\":")
                out.append(described)
                out.append("}")
            }
        }
    }

    private static func append(_ scopes: ScopeSet, to out: inout ByteWriter) {
        out.append("[")
        for (index, scope) in scopes.scopes.enumerated() {
            if index > 0 { out.append(",") }
            out.append("\"")
            out.append(utf8: scope.engine)
            out.append(":")
            out.append(utf8: scope.permission.text)
            out.append("\"")
        }
        out.append("]")
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
