package import Primitives

/// What a client said it can do for a handler: in the envelope of each request (2026-07-28), or once at its handshake.
package struct ClientCapabilities: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let elicitationForm = ClientCapabilities(rawValue: 1)
    package static let elicitationURL = ClientCapabilities(rawValue: 2)
    package static let sampling = ClientCapabilities(rawValue: 4)
    package static let roots = ClientCapabilities(rawValue: 8)
    /// The extension `io.modelcontextprotocol/tasks`; the older capability `tasks` does not count (mcp.md §3.9).
    package static let tasks = ClientCapabilities(rawValue: 16)

    static let tasksExtension: StaticString = "io.modelcontextprotocol/tasks"

    /// Reads a capabilities object; nil declares nothing. `elicitation: {}` means forms only.
    package init(_ declaration: JSONView?) {
        var found: ClientCapabilities = []
        if let elicitation = declaration?["elicitation"], elicitation.isObject {
            let hasURL = elicitation["url"] != nil
            if hasURL { found.insert(.elicitationURL) }
            if !hasURL || elicitation["form"] != nil { found.insert(.elicitationForm) }
        }
        if declaration?["sampling"]?.isObject == true { found.insert(.sampling) }
        if declaration?["roots"]?.isObject == true { found.insert(.roots) }
        if declaration?["extensions"]?[Self.tasksExtension]?.isObject == true { found.insert(.tasks) }
        self = found
    }

    /// As a client would declare it: what `requiredCapabilities` names.
    var declaration: JSONValue {
        var object = JSONObject()
        if !isDisjoint(with: [.elicitationForm, .elicitationURL]) {
            object.append("elicitation", contains(.elicitationURL) ? ["url": [:]] : [:])
        }
        if contains(.sampling) { object.append("sampling", [:]) }
        if contains(.roots) { object.append("roots", [:]) }
        if contains(.tasks) { object.append("extensions", ["io.modelcontextprotocol/tasks": [:]]) }
        return .object(object)
    }

    /// The refusal of a request that cannot be served without these.
    var missing: RPCError {
        RPCError(
            .missingClientCapability, "This needs a capability your client did not declare.",
            data: ["requiredCapabilities": declaration])
    }
}
