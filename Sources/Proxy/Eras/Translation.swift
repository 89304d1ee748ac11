internal import HTTP
internal import MCP
internal import Primitives

/// How an answer of the upstream ends a client's request.
struct Conclusion: Sendable {
    /// The whole JSON-RPC message for the client.
    var message: [UInt8]
    var outcome = ToolOutcome.completed
    var status = Status.ok
    var events: [Event] = []
}

/// What a result of the upstream means for the client.
enum Verdict: Sendable {
    case concluded(Conclusion)
    /// A modern upstream asks for input, and the client must be asked in the way of its own era.
    case asks(questions: [(key: String, request: [UInt8])], state: [UInt8]?)
}

/// The way to the upstream a request takes.
enum Link: Sendable {
    case modern
    /// - isOwn: the session is the client's own, so that ids, tokens and events mean the same on both sides.
    case legacy(LegacySession, isOwn: Bool)

    var isModern: Bool { if case .modern = self { true } else { false } }
    var isOwn: Bool { if case .legacy(_, true) = self { true } else { false } }
}

/// Turns requests of one era into those of another, and answers back (mcp.md §4.6, §9). Holds no state.
final class Translation: Sendable {
    let ask: Ask
    let link: Link
    let upstream: Upstream
    let sealer: Sealer
    let gate: any Gate
    /// Our id of the request at the upstream, as JSON.
    let upstreamID: [UInt8]

    init(ask: Ask, link: Link, upstream: Upstream, sealer: Sealer, gate: any Gate, upstreamID: [UInt8]) {
        self.ask = ask
        self.link = link
        self.upstream = upstream
        self.sealer = sealer
        self.gate = gate
        self.upstreamID = upstreamID
    }

    // MARK: To the upstream

    /// - Parameter inputs: the answers and the state of a later round, when the shim asked in the client's stead.
    func params(inputs: (responses: [UInt8], state: [UInt8]?)? = nil) throws(RPCError) -> [UInt8] {
        let view = ask.message.params
        var params = RawObject(view)
        var isChanged = view == nil
        if let cursor = view?["cursor"] {
            guard let text = cursor.string, let own = sealer.open(text, .cursor, for: ask.caller, context: ask.method) else {
                throw RPCError(.invalidParams, "The cursor was not issued here.")
            }
            params.set("cursor", .string(own))
            isChanged = true
        }
        if let task = view?["taskId"], ask.method.hasPrefix("tasks/") {
            guard let text = task.string, let own = sealer.open(text, .task, for: ask.caller) else {
                throw RPCError(.invalidParams, "There is no such task.")
            }
            params.set("taskId", .string(own))
            isChanged = true
        }
        if let state = view?["requestState"], ask.client.isModern {
            guard let text = state.string, let own = sealer.open(text, .state, for: ask.caller, context: ask.binding),
                own.hasPrefix("u")
            else { throw RPCError(.invalidParams, "The requestState was not issued for this call, or too long ago.") }
            params.set("requestState", .string(String(own.dropFirst())))
            isChanged = true
        }
        if let inputs {
            params["inputResponses"] = inputs.responses
            params["requestState"] = inputs.state
            isChanged = true
        }
        switch (link, ask.client) {
        case (.modern, .modern), (.legacy(_, isOwn: true), _): break
        case (.modern, .legacy): (params["_meta"], isChanged) = (enveloped(view?["_meta"]), true)
        case (.legacy, _):
            isChanged = true
            params["inputResponses"] = nil
            params["requestState"] = nil
            let meta = stripped(view?["_meta"])
            params["_meta"] = meta.isEmpty ? nil : meta.serialized
        }
        return isChanged ? params.serialized : view.map { Array($0.rawBytes) } ?? Array("{}".utf8)
    }

    /// The `_meta` of a legacy request with the envelope of 2026-07-28 around it.
    private func enveloped(_ meta: JSONView?) -> [UInt8] {
        var out = RawObject(meta)
        let envelope = RawObject.envelope(
            upstream.settings, capabilities: ask.client.capabilities, info: ask.client.session?.info)
        for key in [
            MetaKey.protocolVersion.description, MetaKey.clientCapabilities.description, "io.modelcontextprotocol/clientInfo",
        ] {
            out[key] = envelope[key]
        }
        // A legacy session asks once for log messages, a modern request each time (mcp.md §3.1).
        out[Self.levelKey] = sessionLevel.map { JSONValue.string($0).serialized }
        return out.serialized
    }

    static let levelKey = "io.modelcontextprotocol/logLevel"
    /// Levels of RFC 5424, the least severe first.
    static let levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

    private var sessionLevel: String? { ask.client.session.flatMap { upstream.subscriptions.level(of: $0.handle) } }

    /// True for a log message the client asked for. An upstream of the other era may send more than that.
    private func isWanted(_ level: String?) -> Bool {
        let least = ask.client.isModern ? ask.message.meta?[name: Self.levelKey]?.string : sessionLevel
        guard let least, let bound = Self.levels.firstIndex(of: least), let level, let rank = Self.levels.firstIndex(of: level)
        else { return false }
        return rank >= bound
    }

    /// The `_meta` of a request without the envelope, its progress token ours: several clients share the session.
    private func stripped(_ meta: JSONView?) -> RawObject {
        var out = RawObject()
        for (key, value) in meta?.members ?? [] where !key.hasPrefix("io.modelcontextprotocol/") {
            out[key] = key == "progressToken" ? upstreamID : Array(value.rawBytes)
        }
        return out
    }

    // MARK: To the client

    /// A notification as the client may get it; nil for one it may not.
    func notification(_ root: JSONView) -> [UInt8]? {
        guard let method = root["method"]?.string else { return nil }
        if link.isOwn { return Array(root.rawBytes) }
        var params = RawObject(root["params"])
        switch method {
        case "notifications/progress":
            guard let token = ask.message.meta?["progressToken"] else { return nil }
            params["progressToken"] = Array(token.rawBytes)
        case "notifications/message":
            guard isWanted(root["params"]?["level"]?.string) else { return nil }
        default: return nil
        }
        return RawMessage.notification(method: method, params: params.serialized)
    }

    /// What the upstream's response means.
    func verdict(_ root: JSONView) -> Verdict {
        if let error = root["error"] { return .concluded(failed(error)) }
        guard let result = root["result"], result.isObject else {
            return .concluded(
                conclusion(of: ProxyFailure(.broken, "\(upstream.name) answered with what is no result. Tell the administrator.")))
        }
        let type = result["resultType"]?.string
        if type == "input_required" {
            guard ask.client.isModern else { return asks(result) }
            if let missing = missingCapability(result) { return .concluded(missing) }
        }
        if link.isModern, ask.client.isModern, ask.method == "tools/call", type == "complete" {
            return .concluded(complete(Array(result.rawBytes), result))
        }
        return .concluded(rewritten(result, type))
    }

    /// The request of the upstream each client capability stands for.
    static let askable = ["elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"]

    /// An upstream must not ask for what the client did not declare (mcp.md §3.6); our client must not see it when it does.
    private func missingCapability(_ result: JSONView) -> Conclusion? {
        let declared = try? JSONDocument(parsing: ask.client.capabilities).root
        for (_, request) in result["inputRequests"]?.members ?? [] {
            let method = request["method"]?.string ?? ""
            let needed = Self.askable[method]
            if let needed, declared?[name: needed] != nil { continue }
            var required = JSONObject()
            if let needed { required.append(needed, [:]) }
            let error = RPCError(
                .missingClientCapability, "This tool asks for input in a way this client does not offer (\(method.prefix(64))).",
                data: ["requiredCapabilities": .object(required)])
            return Conclusion(
                message: RawMessage.response(id: ask.id, "error", error.json.serialized), outcome: .toolError, status: .badRequest)
        }
        return nil
    }

    private func asks(_ result: JSONView) -> Verdict {
        let questions = (result["inputRequests"]?.members ?? []).map { (key: $0.key, request: Array($0.value.rawBytes)) }
        return .asks(questions: questions, state: result["requestState"].map { Array($0.rawBytes) })
    }

    private func complete(_ result: [UInt8], _ view: JSONView) -> Conclusion {
        Conclusion(
            message: RawMessage.response(id: ask.id, "result", result),
            outcome: view["isError"]?.bool == true ? .toolError : .completed)
    }

    private func rewritten(_ view: JSONView, _ type: String?) -> Conclusion {
        var result = RawObject(view)
        var events: [Event] = []
        if ask.method == "tools/list" || view["tools"]?.isArray == true {
            let (fit, changes) = upstream.catalog.learn(view["tools"]?.elements ?? [])
            events = changes
            result["tools"] = RawArray.serialized(
                fit.filter { gate.isVisible($0.tool, to: ask.caller) }.map { adapt(tool: $0.view) })
        }
        if let cursor = view["nextCursor"]?.string {
            result.set("nextCursor", .string(sealer.seal(cursor, .cursor, for: ask.caller, context: ask.method)))
        }
        if let task = view["taskId"]?.string {
            // A client finds its task again by the handle it has.
            let handle = ask.method.hasPrefix("tasks/") ? ask.message.params?["taskId"]?.string : nil
            result.set("taskId", .string(handle ?? sealer.seal(task, .task, for: ask.caller)))
        }
        if let state = view["requestState"]?.string, ask.client.isModern {
            result.set(
                "requestState",
                .string(
                    sealer.seal("u" + state, .state, for: ask.caller, context: ask.binding, lifetime: ParkedCalls.lifetime)))
        }
        if ask.client.isModern { makeModern(&result, view, type) } else if link.isModern { makeLegacy(&result, view) }
        var conclusion = complete(result.serialized, view)
        conclusion.events = events
        return conclusion
    }

    private static let cacheable: Set<String> = [
        "server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read",
    ]

    private func makeModern(_ result: inout RawObject, _ view: JSONView, _ type: String?) {
        if type == nil { result.set("resultType", "complete") }
        if Self.cacheable.contains(ask.method), type == nil || type == "complete" {
            // What we filter for one caller is for nobody else (mcp.md §3.7).
            if (view["ttlMs"]?.int ?? -1) < 0 { result.set("ttlMs", 0) }
            result.set("cacheScope", "private")
        }
        guard case .legacy(let session, _) = link else { return }
        var meta = RawObject(view["_meta"])
        let handshake = try? JSONDocument(parsing: session.result)
        if let info = handshake?.root["serverInfo"] { meta[MetaKey.serverInfo] = Array(info.rawBytes) }
        if !meta.isEmpty { result["_meta"] = meta.serialized }
    }

    /// Legacy results carry none of what 2026-07-28 added (mcp.md §4.1).
    private func makeLegacy(_ result: inout RawObject, _ view: JSONView) {
        for key in ["resultType", "ttlMs", "cacheScope"] { result[key] = nil }
        var meta = RawObject(view["_meta"])
        meta[MetaKey.serverInfo] = nil
        result["_meta"] = meta.isEmpty ? nil : meta.serialized
        if let structured = view["structuredContent"], !structured.isObject { result["structuredContent"] = nil }
    }

    private func adapt(tool view: JSONView) -> [UInt8] {
        if !ask.client.isModern, let output = view["outputSchema"], output["type"]?.equals("object") != true {
            var tool = RawObject(view)
            tool["outputSchema"] = nil
            return tool.serialized
        }
        if ask.client.isModern, view["execution"] != nil {
            var tool = RawObject(view)
            tool["execution"] = nil
            return tool.serialized
        }
        return Array(view.rawBytes)
    }

    /// An error of the upstream stays in-band (mcp.md §3.3); codes that mean something else in the client's era are replaced.
    private func failed(_ view: JSONView) -> Conclusion {
        var error = RawObject(view)
        let code = view["code"]?.int ?? -32603
        var status = Status.ok
        switch (code, ask.client.isModern) {
        case (-32021, true): status = .badRequest
        case (-32002, true): error.set("code", -32602)
        case (-32602, false) where link.isModern && ask.method == "resources/read" && view["data"]?["uri"] != nil:
            error.set("code", -32002)
        case (-32022, _), (-32020, _):
            // We speak to the upstream ourselves, so this is no fault of the client.
            upstream.forgetEra()
            error.set("code", -32603)
            error["data"] = nil
        case (-32099 ... -32000, true), (-32021, false): error.set("code", -32603)
        default: break
        }
        return Conclusion(
            message: RawMessage.response(id: ask.id, "error", error.serialized), outcome: .toolError, status: status)
    }

    /// What went wrong, where the client's model can read it: in a tool result, else in an error.
    func conclusion(of failure: ProxyFailure) -> Conclusion { Self.conclusion(of: failure, for: ask) }

    static func conclusion(of failure: ProxyFailure, for ask: Ask) -> Conclusion {
        guard ask.method == "tools/call" else {
            return Conclusion(
                message: RawMessage.response(id: ask.id, "error", failure.rpcError.json.serialized), outcome: .toolError)
        }
        var result = RawObject()
        result.set("content", [["type": "text", "text": .string(failure.message)]])
        result.set("isError", true)
        if ask.client.isModern { result.set("resultType", "complete") }
        return Conclusion(
            message: RawMessage.response(id: ask.id, "result", result.serialized),
            outcome: failure.code == .cancelled ? .cancelled : .toolError)
    }
}
