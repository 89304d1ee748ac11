internal import HTTP
internal import MCP
internal import Primitives

/// Lets everybody do everything: the fixture has no authentication and nothing to lose.
struct OpenGate: Gate {
    let switches: Fixture.Switches

    func isVisible(_ tool: Tool, to caller: Principal?) -> Bool {
        tool.name != Fixture.extraToolName || switches.showsExtraTool
    }

    func settle(_ call: ToolCall, _ fields: Fields, in context: RequestContext) async -> Admission { .admitted(Fields()) }

    func finish(_ call: ToolCall, outcome: ToolOutcome, in context: RequestContext) async -> Bool { true }

    func openStream(for caller: Principal?, in context: RequestContext) async -> StreamAdmission { .admitted(StreamPlace()) }

    func stillStands(_ caller: Principal?, in context: RequestContext) async -> Bool { true }
}
