internal import Client
internal import HTTP
internal import MCP
internal import Primitives

extension Upstream {
    /// The way a request takes: its client's own session, a session of ours for this user, or none at all.
    /// - Returns: also whose shared session it is, so that a dead one can be forgotten.
    func link(for ask: Ask, key: Secret?) async throws(ProxyFailure) -> (link: Link, owner: LegacySessions.Owner?) {
        if let own = ask.client.session?.upstream { return (.legacy(own, isOwn: true), nil) }
        switch try await era(for: ask.caller, key: key, origin: ask.origin) {
        case .modern: return (.modern, nil)
        case .legacy:
            let owner = LegacySessions.Owner(ask.caller, key: key, capabilities: legacyCapabilities(ask.client.capabilities))
            return (.legacy(try await sharedSession(owner, ask.caller, key, ask.origin), isOwn: false), owner)
        }
    }

    /// What of the client's capabilities a legacy upstream understands.
    private func legacyCapabilities(_ capabilities: [UInt8]) -> [UInt8] {
        let view = try? JSONDocument(parsing: capabilities).root
        var out = RawObject()
        for key in ["elicitation", "sampling", "roots"] {
            if let value = view?[name: key] { out[key] = Array(value.rawBytes) }
        }
        return out.serialized
    }

    /// Lists the upstream's tools for what they claim; nothing is passed on. Failures mean that nothing more is known.
    func refreshCatalog(_ caller: Principal, _ origin: RequestOrigin) async {
        var cursor: String?
        for _ in 0..<16 {
            guard let page = try? await listTools(caller, origin, cursor: cursor), let result = page.root["result"] else { return }
            _ = catalog.learn(result["tools"]?.elements ?? [])
            cursor = result["nextCursor"]?.string
            if cursor == nil { return }
        }
    }

    private func listTools(
        _ caller: Principal, _ origin: RequestOrigin, cursor: String?
    ) async throws(ProxyFailure) -> JSONDocument {
        let key = try await key(for: caller)
        var params = RawObject()
        if let cursor { params.set("cursor", .string(cursor)) }
        let fields: Fields
        switch try await era(for: caller, key: key, origin: origin) {
        case .modern:
            params["_meta"] = RawObject.envelope(settings, capabilities: Array("{}".utf8)).serialized
            fields = modernFields("tools/list", name: nil, origin)
        case .legacy:
            let owner = LegacySessions.Owner(caller, key: key, capabilities: Array("{}".utf8))
            fields = legacyFields(try await sharedSession(owner, caller, key, origin), origin)
        }
        let body = RawMessage.request(id: nextID(), method: "tools/list", params: params.serialized)
        let exchange = try await send(
            Outgoing(fields: fields, body: body), key: key, caller: caller, cancellation: UpstreamCancellation())
        return try await response(of: MessageSource(exchange, limit: settings.maximumResponseBytes))
    }
}
