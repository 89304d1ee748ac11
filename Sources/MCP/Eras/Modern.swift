internal import HTTP
internal import Primitives

/// Revision 2026-07-28: stateless, every request carries its envelope (mcp.md §3).
extension MCPEndpoint {
    func answerModern(_ message: RPCMessage, _ exchange: Exchange) async -> Response {
        guard message.kind == .request, let id = message.id else { return Response(.accepted) }
        do throws(RPCError) { try checkEnvelope(message, exchange.request.fields) } catch {
            return refuse(error, .badRequest, id: id)
        }
        switch message.method {
        case "server/discover": return reply(discovery, id: id)
        case "tools/list": return listModern(message, id, exchange)
        case "tools/call": return await call(message, id, .july2026, exchange)
        case "subscriptions/listen": return await listen(message, id, exchange)
        default: return refuse(RPCError(.methodNotFound, "There is no such method here."), .notFound, id: id)
        }
    }

    /// The error ladder of mcp.md §3.3: envelope, then headers against body, then version, then capabilities.
    private func checkEnvelope(_ message: RPCMessage, _ fields: Fields) throws(RPCError) {
        guard let version = message.meta?[MetaKey.protocolVersion]?.string else {
            throw RPCError(.invalidParams, "params._meta lacks the string \(MetaKey.protocolVersion).")
        }
        try HeaderMirror.check(message, version: version, fields: fields)
        guard Revision(rawValue: version)?.isModern == true else {
            throw RPCError(
                .unsupportedVersion, "Unsupported protocol version",
                data: ["supported": .array(Revision.modern.map { .string($0.rawValue) }), "requested": .string(version)])
        }
        guard message.meta?[MetaKey.clientCapabilities]?.isObject == true else {
            throw RPCError(.invalidParams, "params._meta lacks the object \(MetaKey.clientCapabilities).")
        }
    }

    private var discovery: JSONValue {
        modernResult([
            "supportedVersions": .array(Revision.modern.map { .string($0.rawValue) }),
            "capabilities": ["tools": [:]],
            "instructions": .string(info.instructions),
            "ttlMs": 300_000, "cacheScope": "private",
        ])
    }

    private func listModern(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        guard message.params?["cursor"] == nil else { return reply(unknownCursor, id: id) }
        return reply(
            modernResult(["tools": listing(for: exchange.caller), "ttlMs": 60_000, "cacheScope": "private"]), id: id)
    }

    /// Every result of this revision says that it is complete and who made it (mcp.md §3.1).
    func modernResult(_ members: JSONValue) -> JSONValue {
        var object = members.object ?? JSONObject()
        object.append("resultType", "complete")
        object.append("_meta", info.resultMeta)
        return .object(object)
    }

    /// An error of the handler, not of the envelope: HTTP 200 (mcp.md §3.3).
    func reply(_ error: RPCError, id: RPCID) -> Response {
        refuse(error, .ok, id: id)
    }

    var unknownCursor: RPCError { RPCError(.invalidParams, "The cursor was not issued here.") }

    func listing(for caller: Principal?) -> JSONValue {
        .array(registry.tools.filter { gate.isVisible($0, to: caller) }.map(\.listing))
    }
}

extension Tool {
    /// The tool object of `tools/list`.
    var listing: JSONValue {
        var object = JSONObject()
        object.append("name", .string(name))
        object.append("title", .string(title))
        object.append("description", .string(description))
        object.append("inputSchema", inputSchema)
        if let outputSchema { object.append("outputSchema", outputSchema) }
        object.append("annotations", annotations.json)
        return .object(object)
    }
}
