package import HTTP
package import Primitives

/// What a running handler may use beside its arguments.
package struct ToolContext: Sendable {
    /// Nil only where no authentication is configured (the fixture server).
    package let caller: Principal?
    package let requestID: RequestID
    package let sleeper: any Sleeper
    /// Reports progress: value, total, message. Ignored unless the caller asked for it; values that do not rise are dropped.
    package let progress: @Sendable (Double, Double?, String?) async -> Void
    /// The answers to what the handler asked in earlier rounds, by its keys. Whatever a client sent: judge before use.
    package internal(set) var answers = JSONObject()
    /// What the handler noted in its last round; proven to be its own.
    package internal(set) var state: JSONValue?
    /// The parameters of the request; the capabilities in a 2026-07-28 envelope are read only when asked for.
    var params: JSONView?
    /// Those of a legacy handshake.
    var capabilities: ClientCapabilities?
    /// Where messages beside the result go. Nil for tools that answer from memory, and where nobody reads streams.
    var exchange: ToolExchange?
    /// Where events of this call wait for its record; nil where each is recorded by itself.
    package internal(set) var notes: CallNotes?
    /// The endpoint serves tasks.
    var servesTasks = false

    package init(
        caller: Principal?, requestID: RequestID, sleeper: any Sleeper,
        progress: @escaping @Sendable (Double, Double?, String?) async -> Void = { _, _, _ in }
    ) {
        self.caller = caller
        self.requestID = requestID
        self.sleeper = sleeper
        self.progress = progress
    }

    /// What the client can be asked for. Empty for callers that are no MCP clients.
    package var client: ClientCapabilities { capabilities ?? ClientCapabilities(params?["_meta"]?[MetaKey.clientCapabilities]) }

    /// Whether the client calls again in its own time after a question (2026-07-28); others are asked while they wait.
    package var callsInRounds: Bool { capabilities == nil && params != nil }

    /// Whether this call may end in `ToolResult.task`.
    package var mayBecomeTask: Bool { servesTasks && client.contains(.tasks) }

    /// Sends a log message to whoever asked for that level (deprecated in the protocol; for the fixture). Never secrets.
    package func log(_ level: LogLevel, _ data: JSONValue, logger: String? = nil) { exchange?.log(level, data, logger: logger) }

    /// Lets go of the client's connection; it comes back for the rest after that time (2025-11-25 only; mcp.md §4.4).
    package func pauseStream(retryAfter: Duration) { exchange?.pause(retryAfter: retryAfter) }
}
