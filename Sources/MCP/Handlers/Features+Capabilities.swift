internal import Primitives

extension Features {
    /// What `server/discover` or `initialize` declares. Only what is served, and all of it (mcp.md §3.5).
    func capabilities(for revision: Revision) -> JSONValue {
        var object = JSONObject()
        object.append("tools", hasChangingTools && changes != nil ? ["listChanged": true] : [:])
        if hasResources { object.append("resources", changes != nil ? ["listChanged": true, "subscribe": true] : [:]) }
        if !prompts.isEmpty { object.append("prompts", changes != nil ? ["listChanged": true] : [:]) }
        if complete != nil { object.append("completions", [:]) }
        if hasLogging { object.append("logging", [:]) }
        if hasTasks, revision.isModern {
            object.append("extensions", ["io.modelcontextprotocol/tasks": [:]])
        }
        return .object(object)
    }

    /// Whether anybody may be told of changes at all.
    func tells(_ change: Change) -> Bool {
        guard changes != nil else { return false }
        return switch change {
        case .tools: hasChangingTools
        case .prompts: !prompts.isEmpty
        case .resources, .resource: hasResources
        case .task: hasTasks
        }
    }
}
