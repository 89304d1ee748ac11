package import Primitives

/// One tool: what `tools/list` tells of it and what runs when it is called.
package final class Tool: Sendable {
    /// 1 to 64 characters of `A-Z a-z 0-9 _ -`, unique in a registry.
    package let name: String
    /// Other names that reach the same tool; callable, not listed.
    package let aliases: [String]
    package let title: String
    /// What it does, narrowly; no instructions to the model.
    package let description: String
    /// JSON Schema 2020-12 with `type: object` at its root.
    package let inputSchema: JSONValue
    /// JSON Schema of `structuredContent`, when the tool returns any.
    package let outputSchema: JSONValue?
    package let annotations: ToolAnnotations
    /// Shown by hosts beside the name.
    package let icons: [Icon]
    /// The `_meta` of the tool object, for hosts that know what is in it.
    package let meta: JSONValue?
    /// Whether a call may become a task.
    package let taskSupport: TaskSupport
    /// Arguments that 2026-07-28 clients repeat as `Mcp-Param-` headers; read from `x-mcp-header` in the schema.
    let mirrored: [MirroredArgument]
    /// The least permission class a caller needs.
    package let permission: Permission
    /// True when it answers from memory, without waiting on anything: such a call never becomes a stream.
    package let isLocal: Bool
    /// Runs one call. The task is cancelled when the caller of a 2026-07-28 request disconnects.
    package let run: @Sendable (JSONObject, ToolContext) async -> ToolResult

    package init(
        name: String, aliases: [String] = [], title: String, description: String, inputSchema: JSONValue,
        outputSchema: JSONValue? = nil, annotations: ToolAnnotations, icons: [Icon] = [], meta: JSONValue? = nil,
        taskSupport: TaskSupport = .never,
        permission: Permission, isLocal: Bool = false,
        run: @escaping @Sendable (JSONObject, ToolContext) async -> ToolResult
    ) {
        self.name = name
        self.aliases = aliases
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.annotations = annotations
        self.icons = icons
        self.meta = meta
        self.taskSupport = taskSupport
        mirrored = MirroredArgument.all(in: inputSchema)
        self.permission = permission
        self.isLocal = isLocal
        self.run = run
    }
}

/// Hints for the host about what a call may do. Ours are true; those of other servers are claims.
package struct ToolAnnotations: Sendable, Hashable {
    package var isReadOnly: Bool
    package var isDestructive: Bool
    package var isIdempotent: Bool
    package var isOpenWorld: Bool

    package init(readOnly: Bool = false, destructive: Bool = false, idempotent: Bool = false, openWorld: Bool = true) {
        isReadOnly = readOnly
        isDestructive = destructive
        isIdempotent = idempotent
        isOpenWorld = openWorld
    }

    var json: JSONValue {
        [
            "readOnlyHint": .bool(isReadOnly), "destructiveHint": .bool(isDestructive), "idempotentHint": .bool(isIdempotent),
            "openWorldHint": .bool(isOpenWorld),
        ]
    }
}

/// A picture of a tool.
package struct Icon: Sendable, Hashable {
    /// An https address on our origin, or a data URI.
    package let source: String
    package let mimeType: String
    /// Such as `48x48`, or `any`.
    package let sizes: [String]

    package init(source: String, mimeType: String, sizes: [String]) {
        self.source = source
        self.mimeType = mimeType
        self.sizes = sizes
    }

    var json: JSONValue { ["src": .string(source), "mimeType": .string(mimeType), "sizes": .strings(sizes)] }
}

/// Whether a call of a tool may become a task (mcp.md §3.9).
package enum TaskSupport: Sendable, Hashable {
    case never
    /// For clients that declared the extension; others wait for the result.
    case optional
    /// Callers without the extension are refused.
    case required
}
