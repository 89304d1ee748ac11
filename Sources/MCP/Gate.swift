package import HTTP
package import Primitives

/// One call of one tool, parsed and about to be judged.
package struct ToolCall: Sendable {
    package let tool: Tool
    /// The arguments as they came on the wire, for the digest.
    package let argumentBytes: [UInt8]
    package let caller: Principal?
    package let revision: Revision
    /// Of a call that reads elsewhere; nil for one that may change something, whose steps are each on record before they are taken, and
    /// for one answered from memory.
    package let notes: CallNotes?

    package init(tool: Tool, argumentBytes: [UInt8], caller: Principal?, revision: Revision) {
        self.tool = tool
        self.argumentBytes = argumentBytes
        self.caller = caller
        self.revision = revision
        notes = tool.isLocal || !tool.annotations.isReadOnly ? nil : CallNotes()
    }
}

/// How a call ended.
package enum ToolOutcome: Sendable {
    case completed, toolError, cancelled
    /// Nothing was done yet: the client is asked first, and calls again with its answers.
    case awaitingInput
}

/// Judges calls before they run and hears how they ended. `App` implements it with policy, limits and the audit log, so that
/// every era and transport takes the same path (RS-7).
package protocol Gate: Sendable {
    /// `tools/list` shows only what the caller may call.
    func isVisible(_ tool: Tool, to caller: Principal?) -> Bool

    /// Decides about one call as far as that needs no wait. A refusal is complete: status, fields and error object; nothing runs.
    func judge(_ call: ToolCall, in context: RequestContext) -> Judgement

    /// Decides the rest about a call that `judge` left pending.
    /// - Parameter fields: what `judge` wants on the answer.
    func settle(_ call: ToolCall, _ fields: Fields, in context: RequestContext) async -> Admission

    /// Told once for every admitted call, before its answer leaves. False means the outcome could not be recorded and the
    /// answer must not leave (COM-11).
    func finish(_ call: ToolCall, outcome: ToolOutcome, in context: RequestContext) async -> Bool

    /// Decides about a stream that stays open (`subscriptions/listen`): each holds a connection and memory, so a user may have
    /// only so many.
    func openStream(for caller: Principal?, in context: RequestContext) async -> StreamAdmission

    /// Asked at each keep-alive of a stream: false once the credential no longer stands (RS-12).
    func stillStands(_ caller: Principal?, in context: RequestContext) async -> Bool
}

extension Gate {
    /// Nothing is decided without a wait.
    package func judge(_ call: ToolCall, in context: RequestContext) -> Judgement { .pending(Fields()) }

    /// Decides about one call.
    package func admit(_ call: ToolCall, in context: RequestContext) async -> Admission {
        switch judge(call, in: context) {
        case .settled(let admission): admission
        case .pending(let fields): await settle(call, fields, in: context)
        }
    }
}

/// What can be said of a call at once.
package enum Judgement: Sendable {
    case settled(Admission)
    /// Something has to be waited for: a place, or a record on disk.
    case pending(Fields)
}

/// The verdict on a call.
package enum Admission: Sendable {
    /// Runs; the fields go on the answer (rate limits).
    case admitted(Fields)
    case refused(Refusal)
}

/// A refusal on the level of HTTP that still carries a JSON-RPC error body (mcp.md §2: every modern 4xx must).
package struct Refusal: Sendable {
    package let status: Status
    package let fields: Fields
    package let error: RPCError
    package let events: [Event]

    package init(status: Status, fields: Fields, error: RPCError, events: [Event] = []) {
        self.status = status
        self.fields = fields
        self.error = error
        self.events = events
    }
}
