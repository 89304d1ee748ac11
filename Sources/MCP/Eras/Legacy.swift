internal import HTTP
internal import Primitives

/// Revisions 2025-03-26 to 2025-11-25: a handshake first, no envelope (mcp.md §4). Requests without a session are accepted:
/// nothing served here needs one.
extension MCPEndpoint {
    func answerLegacy(_ message: RPCMessage, _ revision: Revision, _ exchange: Exchange) async -> Response {
        guard message.kind == .request, let id = message.id else { return Response(.accepted) }
        switch message.method {
        case "initialize": return initialize(message, id)
        case "ping": return reply([:], id: id)
        case "tools/list":
            guard message.params?["cursor"] == nil else { return reply(unknownCursor, id: id) }
            return reply(["tools": listing(for: exchange.caller)], id: id)
        case "tools/call": return await call(message, id, revision, exchange)
        // 404 would mean a dead session and make clients start over in a loop (mcp.md §4.2).
        default: return reply(RPCError(.methodNotFound, "There is no such method here."), id: id)
        }
    }

    private func initialize(_ message: RPCMessage, _ id: RPCID) -> Response {
        guard let asked = message.params?["protocolVersion"]?.string else {
            return reply(RPCError(.invalidParams, "params.protocolVersion must be a string."), id: id)
        }
        let known = Revision(rawValue: asked).flatMap { $0.isModern ? nil : $0 }
        return reply(
            [
                "protocolVersion": .string((known ?? .newestLegacy).rawValue),
                "capabilities": ["tools": [:]],
                "serverInfo": info.implementation,
                "instructions": .string(info.instructions),
            ], id: id)
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
            let answer = await answerLegacy(message, .march2025, exchange.withoutStreams)
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

extension MCPEndpoint.Exchange {
    /// The same exchange for a client that reads no streams.
    fileprivate var withoutStreams: Self {
        var request = request
        request.fields.remove(.accept)
        return Self(request: request, caller: caller, context: context)
    }
}
