internal import MCP
internal import Primitives

/// Tools that change what the server offers, and tell whoever listens (mcp.md §10.2).
extension Fixture {
    /// Listed, or not, after each `test_trigger_tool_change`.
    static let extraToolName = "test_extra_tool"

    var changeTools: [Tool] {
        [
            fixtureTool("test_trigger_tool_change", "Changes the list of tools.", isLocal: true) { [switches, changes] _, _ in
                switches.toggleTool()
                changes.publish(.tools)
                return .text("Mutation triggered")
            },
            fixtureTool("test_trigger_prompt_change", "Changes the list of prompts.", isLocal: true) { [switches, changes] _, _ in
                switches.togglePrompt()
                changes.publish(.prompts)
                return .text("Mutation triggered")
            },
            fixtureTool("test_trigger_resource_update", "Changes the watched resource.", isLocal: true) { [changes] _, _ in
                changes.publish(.resource(uri: "test://watched-resource"))
                return .text("Mutation triggered")
            },
            fixtureTool(Self.extraToolName, "Comes and goes.", isLocal: true) { _, _ in .text("Here for now.") },
        ]
    }
}
