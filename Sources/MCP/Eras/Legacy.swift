internal import HTTP
internal import Primitives

/// Revisions 2025-03-26 to 2025-11-25: a handshake first, no envelope (mcp.md §4). Requests without a session are accepted;
/// only questions to the client and streams of their own need one.
extension MCPEndpoint {
    func answerLegacy(_ message: RPCMessage, _ exchange: Exchange) async -> Response {
        guard message.kind == .request, let id = message.id else { return hear(message, exchange) }
        switch message.method {
        case "initialize": return initialize(message, id, exchange)
        case "ping": return reply([:], id: id)
        case "tools/list": return list(.tools, message, id, exchange)
        case "tools/call": return await call(message, id, exchange)
        case "prompts/list" where !features.prompts.isEmpty: return list(.prompts, message, id, exchange)
        case "prompts/get" where !features.prompts.isEmpty: return await givePrompt(message, id, exchange)
        case "resources/list" where features.hasResources:
            guard let own = features.ownResources else { return list(.resources, message, id, exchange) }
            return await listOwnResources(message, id, exchange, own)
        case "resources/templates/list" where features.hasResources: return list(.templates, message, id, exchange)
        case "resources/read" where features.hasResources: return await readResource(message, id, exchange)
        case "resources/subscribe" where features.tells(.resources): return watch(message, id, exchange)
        case "resources/unsubscribe" where features.tells(.resources): return unwatch(message, id, exchange)
        case "completion/complete" where features.complete != nil: return await complete(message, id, exchange)
        case "logging/setLevel" where features.hasLogging: return setLogLevel(message, id, exchange)
        // 404 would mean a dead session and make clients start over in a loop (mcp.md §4.2).
        default: return reply(RPCError(.methodNotFound, "There is no such method here."), id: id)
        }
    }

    private func initialize(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        guard let asked = message.params?["protocolVersion"]?.string else {
            return reply(RPCError(.invalidParams, "params.protocolVersion must be a string."), id: id)
        }
        let revision = Revision(rawValue: asked).flatMap { $0.isModern ? nil : $0 } ?? .newestLegacy
        let answer = reply(
            [
                "protocolVersion": .string(revision.rawValue),
                "capabilities": capabilities.legacy,
                "serverInfo": info.implementation,
                "instructions": .string(info.instructions),
            ], id: id)
        guard let handles else { return answer }
        let session = LegacySession(
            revision, ClientCapabilities(message.params?["capabilities"]), of: exchange.caller, handles)
        return answer.with(.mcpSessionID, session.id)
    }

    /// Notifications and the client's answers to our questions: 202 in any case (mcp.md §4.2).
    private func hear(_ message: RPCMessage, _ exchange: Exchange) -> Response {
        let memory = exchange.session.flatMap { continuity?.sessions.existingMemory(of: $0) }
        if message.kind == .response {
            if let id = message.id?.value.int { memory?.answer(id, message.result?.value) }
        } else if message.method == "notifications/cancelled", let id = message.params?["requestId"].flatMap(RPCID.init) {
            memory?.cancel(id)
        }
        return Response(.accepted)
    }

    private func setLogLevel(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        guard let level = message.params?["level"]?.string.flatMap(LogLevel.init(name:)) else {
            return reply(RPCError(.invalidParams, "params.level must be a level of RFC 5424."), id: id)
        }
        if let session = exchange.session { continuity?.sessions.memory(of: session).logLevel = level }
        return reply([:], id: id)
    }

    private func watch(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        guard let uri = message.params?["uri"]?.string, uri.utf8.count <= 4096 else {
            return reply(RPCError(.invalidParams, "params.uri must be a string."), id: id)
        }
        guard let session = exchange.session, let continuity else {
            return refuse(RPCError(.invalidRequest, "Subscribing needs a session: initialize first."), .badRequest, id: id)
        }
        guard continuity.sessions.memory(of: session).watch(uri) else {
            return reply(RPCError(.invalidParams, "\(SessionMemory.maximumWatched) resources are watched already."), id: id)
        }
        return reply([:], id: id)
    }

    private func unwatch(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        guard let uri = message.params?["uri"]?.string else {
            return reply(RPCError(.invalidParams, "params.uri must be a string."), id: id)
        }
        if let session = exchange.session { continuity?.sessions.existingMemory(of: session)?.unwatch(uri) }
        return reply([:], id: id)
    }

    /// 2025-03-26 only. Each element takes the path of a single message; a refusal of one on the level of HTTP is the
    /// answer of all, so that no element slips past an authorization challenge (mcp.md §4.5).
    func answerBatch(_ elements: [JSONView], _ exchange: Exchange) async -> Response {
        var replies: [[UInt8]] = []
        var events: [Event] = []
        for element in elements {
            let message: RPCMessage
            do throws(RPCError) { message = try RPCMessage(element) } catch {
                replies.append(RPCReply.error(error, id: nil))
                continue
            }
            guard message.method != "initialize" else {
                return refuse(RPCError(.invalidRequest, "initialize must not be part of a batch."), .badRequest, id: message.id)
            }
            let answer = await answerLegacy(message, exchange.withoutStreams)
            events += answer.events
            guard answer.status.code < 300 else { return answer }
            if case .bytes(let body) = answer.body { replies.append(body) }
        }
        guard !replies.isEmpty else { return Response(.accepted, events: events) }
        var body = Array("[".utf8)
        body.append(contentsOf: replies.joined(separator: ",".utf8))
        body.append("]")
        return Response(
            .ok, fields: [(.contentType, "application/json"), (.cacheControl, "no-store")], body: .bytes(body), events: events)
    }
}
