internal import Crypto
internal import HTTP
internal import MCP
internal import Primitives
internal import Synchronization

/// Keeps what tools of an upstream looked like, so that a later change shows.
package protocol PinStore: Sendable {
    /// Tool names and the digests seen for each.
    func load() -> [String: [String]]
    func save(_ pins: [String: [String]])
}

/// An argument a tool's schema wants mirrored in a field (`x-mcp-header`, mcp.md §3.2).
package struct MirroredArgument: Sendable, Hashable {
    package let path: [String]
    package let header: String

    /// A value as text, ready to mirror.
    package struct Value: Sendable, Hashable {
        package let header: String
        package let text: String
    }
}

/// What is known of an upstream's tools. Everything the upstream says of them is a claim (mcp.md §9): sizes are bounded, a change
/// of a description is told, and no claim gives rights unless the administrator trusts it.
package final class ToolCatalog: Sendable {
    static let capacity = 2048
    /// Longest definition of one tool, in bytes.
    static let definitionLimit = 256 * 1024
    static let digestsKept = 8

    struct Entry: Sendable {
        let tool: Tool
        let mirrored: [MirroredArgument]
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var pins: [String: [String]]
        var refreshedAt = MonotonicTime(nanoseconds: .min / 2)
    }

    private let settings: ProxySettings
    private let store: any PinStore
    private let state: Mutex<State>

    init(settings: ProxySettings, pins: any PinStore) {
        self.settings = settings
        store = pins
        state = Mutex(State(pins: pins.load()))
    }

    func entry(_ name: String) -> Entry? { state.withLock { $0.entries[name] } }

    /// The tool as policy sees it, known or not: a tool nobody described is destructive and needs what the settings say.
    func tool(_ name: String) -> Tool { entry(name)?.tool ?? makeTool(name, isReadOnly: false) }

    /// True when a look at the upstream's list may tell more of that tool; at most every ten seconds.
    func shouldRefresh(for name: String, at now: MonotonicTime) -> Bool {
        state.withLock { state in
            guard state.entries[name] == nil, now - state.refreshedAt > .seconds(10) else { return false }
            state.refreshedAt = now
            return true
        }
    }

    /// Takes note of tools as listed. Returns those fit to be passed on, with events for definitions that changed.
    func learn(_ tools: [JSONView]) -> (fit: [(tool: Tool, view: JSONView)], events: [Event]) {
        var fit: [(tool: Tool, view: JSONView)] = []
        var events: [Event] = []
        var changedPins: [String: [String]]?
        for view in tools {
            guard let name = view["name"]?.string, Self.isFit(view, name) else { continue }
            let digest = Hex.encode(SHA256.digest(Array(view.rawBytes)).prefix(16))
            let entry = Entry(
                tool: makeTool(name, isReadOnly: view["annotations"]?["readOnlyHint"]?.bool == true),
                mirrored: Self.mirrored(view["inputSchema"]))
            let change = state.withLock { state -> Change in
                if state.entries.count < Self.capacity || state.entries[name] != nil { state.entries[name] = entry }
                var pins = state.pins[name] ?? []
                guard !pins.contains(digest) else { return .none }
                let isNew = pins.isEmpty
                guard !isNew || state.pins.count < Self.capacity else { return .none }
                if pins.count == Self.digestsKept { pins.removeFirst() }
                pins.append(digest)
                state.pins[name] = pins
                changedPins = state.pins
                return isNew ? .pinned : .changed
            }
            if change == .changed { events.append(changeEvent(name, digest)) }
            fit.append((entry.tool, view))
        }
        if let changedPins { store.save(changedPins) }
        return (fit, events)
    }

    private enum Change { case none, pinned, changed }

    private func changeEvent(_ name: String, _ digest: String) -> Event {
        var event = Event(
            "upstream.tool.changed", severity: .warning, actor: "upstream", details: [("definition", .string(digest))])
        (event.tool, event.engine) = (name, settings.name)
        return event
    }

    private func makeTool(_ name: String, isReadOnly: Bool) -> Tool {
        let permission = settings.permission(of: name, isReadOnly: isReadOnly)
        let readsOnly = settings.tools[name].map { $0 == .read } ?? (settings.trustsAnnotations && isReadOnly)
        return Tool(
            name: name, title: name, description: "", inputSchema: ["type": "object"],
            annotations: ToolAnnotations(readOnly: readsOnly, destructive: !readsOnly), permission: permission
        ) { _, _ in .failure("This tool runs on its upstream server.") }
    }

    private static func isFit(_ view: JSONView, _ name: String) -> Bool {
        (1...128).contains(name.utf8.count) && view.rawBytes.count <= definitionLimit
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && view["inputSchema"]?["type"]?.equals("object") == true
    }

    /// Annotations that follow the rules; a schema that breaks one has none.
    private static func mirrored(_ schema: JSONView?) -> [MirroredArgument] {
        var out: [MirroredArgument] = []
        var isValid = true
        func walk(_ view: JSONView, _ path: [String]) {
            guard path.count < 8, out.count < 32 else { return }
            for (key, property) in view["properties"]?.members ?? [] {
                if let marker = property["x-mcp-header"] {
                    let type = property["type"]?.string ?? ""
                    guard let header = marker.string, !header.isEmpty, header.utf8.allSatisfy(Token.isCharacter),
                        ["string", "integer", "boolean"].contains(type),
                        !out.contains(where: { $0.header.lowercased() == header.lowercased() })
                    else {
                        isValid = false
                        return
                    }
                    out.append(MirroredArgument(path: path + [key], header: header))
                }
                walk(property, path + [key])
            }
        }
        if let schema { walk(schema, []) }
        return isValid ? out : []
    }
}

extension MirroredArgument {
    /// The argument's value; nil when it is absent or null.
    func value(in arguments: JSONView?) -> Value? {
        var view = arguments
        for key in path { view = view?[name: key] }
        guard let view, !view.isNull else { return nil }
        return Value(header: header, text: view.string ?? String(decoding: view.rawBytes, as: UTF8.self))
    }
}
