internal import HTTP
internal import Primitives

/// Revision 2026-07-28: stateless, every request carries its envelope (mcp.md §3).
extension MCPEndpoint {
    func answerModern(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        switch message.method {
        case "tools/call": return await call(message, id, exchange)
        case "tools/list": return list(.tools, message, id, exchange)
        case "server/discover": return discover(id)
        case "subscriptions/listen": return await listen(message, id, exchange)
        case "prompts/list" where !features.prompts.isEmpty: return list(.prompts, message, id, exchange)
        case "prompts/get" where !features.prompts.isEmpty: return await givePrompt(message, id, exchange)
        case "resources/list" where features.hasResources:
            guard let own = features.ownResources else { return list(.resources, message, id, exchange) }
            return await listOwnResources(message, id, exchange, own)
        case "resources/templates/list" where features.hasResources: return list(.templates, message, id, exchange)
        case "resources/read" where features.hasResources: return await readResource(message, id, exchange)
        case "completion/complete" where features.complete != nil: return await complete(message, id, exchange)
        case "tasks/get", "tasks/update", "tasks/cancel":
            guard features.hasTasks else { fallthrough }
            return await answerTaskRequest(message, id, exchange)
        default: return refuse(RPCError(.methodNotFound, "There is no such method here."), .notFound, id: id)
        }
    }

    /// - Throws: `.invalidParams` for a level RFC 5424 does not have.
    private func logLevel(_ message: RPCMessage) throws(RPCError) -> LogLevel? {
        guard let given = message.meta?[MetaKey.logLevel] else { return nil }
        guard let level = given.string.flatMap(LogLevel.init(name:)) else {
            throw RPCError(.invalidParams, "params._meta has a \(MetaKey.logLevel) that is no level of RFC 5424.")
        }
        return level
    }

    /// The error ladder of mcp.md §3.3: envelope, then headers against body, then version, then capabilities.
    /// - Returns: which log messages the client asks for, where the endpoint has any.
    func checkEnvelope(_ message: RPCMessage, _ fields: Fields) throws(RPCError) -> LogLevel? {
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
        return features.hasLogging ? try logLevel(message) : nil
    }

    @inline(never) private func discover(_ id: RPCID) -> Response {
        reply(
            modernResult([
                "supportedVersions": .array(Revision.modern.map { .string($0.rawValue) }),
                "capabilities": capabilities.modern,
                "instructions": .string(info.instructions),
                "ttlMs": 300_000, "cacheScope": "private",
            ]), id: id)
    }

    /// Every result of this revision says that it is complete and who made it (mcp.md §3.1).
    func modernResult(_ members: JSONValue) -> JSONValue {
        var object = members.object ?? JSONObject()
        object.append("resultType", "complete")
        object.append("_meta", info.resultMeta)
        return .object(object)
    }

    /// An error of the handler, not of the envelope: HTTP 200 (mcp.md §3.3).
    @inline(never) func reply(_ error: RPCError, id: RPCID) -> Response {
        refuse(error, .ok, id: id)
    }

    /// Errors about header fields and capabilities are 400 in 2026-07-28; all others are in band.
    @inline(never) func answer(_ error: RPCError, id: RPCID, _ revision: Revision) -> Response {
        let isMalformed = error.code == .headerMismatch || error.code == .missingClientCapability
        return refuse(error, isMalformed && revision.isModern ? .badRequest : .ok, id: id)
    }

    var unknownCursor: RPCError { RPCError(.invalidParams, "The cursor was not issued here.") }
}
