package import HTTP
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
    /// The least permission class a caller needs.
    package let permission: Permission
    /// True when it answers from memory, without waiting on anything: such a call never becomes a stream.
    package let isLocal: Bool
    /// Runs one call. The task is cancelled when the caller of a 2026-07-28 request disconnects.
    package let run: @Sendable (JSONObject, ToolContext) async -> ToolResult

    package init(
        name: String, aliases: [String] = [], title: String, description: String, inputSchema: JSONValue,
        outputSchema: JSONValue? = nil, annotations: ToolAnnotations, permission: Permission, isLocal: Bool = false,
        run: @escaping @Sendable (JSONObject, ToolContext) async -> ToolResult
    ) {
        self.name = name
        self.aliases = aliases
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.annotations = annotations
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

/// What a running tool may use beside its arguments.
package struct ToolContext: Sendable {
    /// Nil only where no authentication is configured (the fixture server).
    package let caller: Principal?
    package let requestID: RequestID
    package let sleeper: any Sleeper
    /// Reports progress: value, total, message. Ignored unless the caller asked for it; values that do not rise are dropped.
    package let progress: @Sendable (Double, Double?, String?) async -> Void

    package init(
        caller: Principal?, requestID: RequestID, sleeper: any Sleeper,
        progress: @escaping @Sendable (Double, Double?, String?) async -> Void = { _, _, _ in }
    ) {
        self.caller = caller
        self.requestID = requestID
        self.sleeper = sleeper
        self.progress = progress
    }
}

/// What a call returned.
package struct ToolResult: Sendable {
    package var content: [Content]
    /// Conforms to the tool's `outputSchema`; an object for every revision before 2026-07-28.
    package var structured: JSONValue?
    /// The structured result as the answer will show it, when the tool wrote it itself; then `structured` is nil.
    private(set) var serialized: [UInt8]?
    /// The call failed in a way the model should see and may mend.
    package var isError: Bool

    package init(content: [Content], structured: JSONValue? = nil, isError: Bool = false) {
        self.content = content
        self.structured = structured
        self.isError = isError
    }

    /// A structured result, duplicated as text for clients that read only that.
    package static func structured(_ value: JSONValue) -> ToolResult {
        ToolResult(content: [.structured], structured: value)
    }

    /// A structured result the tool wrote as JSON: for those called so often that a tree would cost more than the answer.
    package static func serialized(_ write: (inout ByteWriter) -> Void) -> ToolResult {
        var writer = ByteWriter(capacity: 480)
        write(&writer)
        var result = ToolResult(content: [.structured])
        result.serialized = writer.bytes
        return result
    }

    /// A failure in words that say what to do.
    package static func failure(_ text: String, structured: JSONValue? = nil) -> ToolResult {
        ToolResult(content: [.text(text)], structured: structured, isError: true)
    }
}

/// One block of a result.
package enum Content: Sendable, Hashable {
    case text(String)
    /// The structured result once more, as text; written out only in the answer.
    case structured
    /// Any other block, as its JSON object.
    case other(JSONValue)
}
