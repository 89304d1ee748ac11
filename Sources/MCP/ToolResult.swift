package import Primitives

/// What a call returned.
package struct ToolResult: Sendable {
    package var content: [Content]
    /// Conforms to the tool's `outputSchema`; an object for every revision before 2026-07-28.
    package var structured: JSONValue?
    /// The structured result as the answer will show it, when the tool wrote it itself; then `structured` is nil.
    private(set) var serialized: [UInt8]?
    /// The call failed in a way the model should see and may mend.
    package var isError: Bool
    /// The call has not ended in a result but needs something first; then the rest says nothing.
    private(set) var next: Next?

    /// What a call wants instead of a result.
    indirect enum Next: Sendable {
        case input(InputNeed)
        case task(TaskWork)
        case error(RPCError)
    }

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

    /// Asks the client, then runs the tool again with the answers (mcp.md §3.6).
    package static func needs(_ need: InputNeed) -> ToolResult { ToolResult(next: .input(need)) }

    /// Goes on as a task. Only where `ToolContext.mayBecomeTask`.
    package static func task(_ work: TaskWork) -> ToolResult { ToolResult(next: .task(work)) }

    /// An error of the protocol, which the model does not see. For failures of the tool itself use `failure`.
    package static func refused(_ error: RPCError) -> ToolResult { ToolResult(next: .error(error)) }

    private init(next: Next) {
        content = []
        isError = false
        self.next = next
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
