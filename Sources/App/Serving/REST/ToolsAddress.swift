import HTTP

/// What a path below `/tools` names (contract §3).
enum ToolsAddress: Equatable {
    /// Nil is the default engine.
    case list(engine: String?)
    case tool(engine: String?, name: String)

    static let root = "/tools"

    /// Nil for a path that is none of ours. An engine's name comes before a tool's of the default engine.
    init?(_ path: String, engines: [String]) {
        guard path == Self.root || path.hasPrefix(Self.root + "/") else { return nil }
        var segments: [String] = []
        for part in path.dropFirst(Self.root.count).split(separator: "/") {
            guard let text = PercentEncoding.decode(Array(part.utf8), form: false) else { return nil }
            segments.append(text)
        }
        switch segments.count {
        case 0: self = .list(engine: nil)
        case 1: self = engines.contains(segments[0]) ? .list(engine: segments[0]) : .tool(engine: nil, name: segments[0])
        case 2: self = .tool(engine: segments[0], name: segments[1])
        default: return nil
        }
    }

    var engine: String? {
        switch self {
        case .list(let engine), .tool(let engine, _): engine
        }
    }
}
