package import HTTP
package import MCP
internal import Primitives
internal import Synchronization

/// Everything MCP can do, once: what the scenarios of mcp.md §10 ask of a server, with their exact names and words.
package struct Fixture: Sendable {
    /// What `test_trigger_…` tools turn on and off.
    final class Switches: Sendable {
        private let state = Mutex((showsExtraTool: false, showsExtraPrompt: false))

        var showsExtraTool: Bool { state.withLock { $0.showsExtraTool } }
        var showsExtraPrompt: Bool { state.withLock { $0.showsExtraPrompt } }
        func toggleTool() { state.withLock { $0.showsExtraTool.toggle() } }
        func togglePrompt() { state.withLock { $0.showsExtraPrompt.toggle() } }
    }

    let changes = ChangeHub()
    let switches = Switches()

    package init() {}

    /// An endpoint that serves all of it to anybody.
    /// - Parameters as for `MCPEndpoint`.
    package func makeEndpoint(
        sleeper: any Sleeper, streams: StreamHub, continuity: Continuity
    ) throws(ToolRegistry.Problem) -> MCPEndpoint {
        MCPEndpoint(
            info: ServerInfo(
                name: "mcp-everything", title: "Everything", version: "1.0.0",
                instructions: "A fixture with every feature of the protocol. Nothing here does anything."),
            registry: try ToolRegistry(tools), gate: OpenGate(switches: switches), sleeper: sleeper, streams: streams,
            features: features, continuity: continuity)
    }

    /// The first one is what scenarios about headers call without arguments.
    var tools: [Tool] {
        contentTools + messageTools + questionTools + roundTools + schemaTools + changeTools + taskTools
    }

    private var features: Features {
        var features = Features()
        features.prompts = prompts
        features.resources = resources
        features.templates = templates
        features.complete = { question in
            switch question.reference {
            case .prompt("test_prompt_with_arguments"):
                return ["alpha", "beta", "gamma"].filter { $0.hasPrefix(question.value) }
            case .prompt(let name): return prompts.contains { $0.name == name } ? [] : nil
            case .resource("test://template/{id}/data"): return ["1", "12", "123"].filter { $0.hasPrefix(question.value) }
            case .resource(let uri): return resources.contains { $0.uri == uri } ? [] : nil
            }
        }
        features.hasLogging = true
        features.changes = changes
        features.hasChangingTools = true
        features.hasTasks = true
        return features
    }
}

/// A tool of the fixture: read-only, for everybody.
func fixtureTool(
    _ name: String, _ description: String, input: JSONValue = ["type": "object", "properties": [:]], output: JSONValue? = nil,
    icons: [Icon] = [], meta: JSONValue? = nil, tasks: TaskSupport = .never, isLocal: Bool = false,
    run: @escaping @Sendable (JSONObject, ToolContext) async -> ToolResult
) -> Tool {
    Tool(
        name: name, title: name.split(separator: "_").joined(separator: " "), description: description, inputSchema: input,
        outputSchema: output, annotations: ToolAnnotations(readOnly: true, openWorld: false), icons: icons, meta: meta,
        taskSupport: tasks,
        permission: .read, isLocal: isLocal, run: run)
}

extension ToolResult {
    static func text(_ text: String) -> ToolResult { ToolResult(content: [.text(text)]) }
}
