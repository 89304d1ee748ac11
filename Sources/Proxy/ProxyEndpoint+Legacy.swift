internal import Client
internal import HTTP
internal import MCP
internal import Primitives

/// Clients of 2025-03-26 to 2025-11-25 (mcp.md §4).
extension ProxyEndpoint {
    private static let forwarded: Set<String> = [
        "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read", "prompts/list", "prompts/get",
        "completion/complete",
    ]
    /// What only a session with a legacy upstream can do.
    private static let sessionBound: Set<String> = ["logging/setLevel", "resources/subscribe", "resources/unsubscribe"]

    func answerLegacy(
        _ message: RPCMessage, _ assumed: Revision, _ root: JSONView, _ exchange: Exchange
    ) async -> Response {
        var session: ClientSession?
        if let handle = exchange.request.fields[.mcpSessionID], message.method != "initialize" {
            guard let found = openSession(handle, exchange.caller) else { return sessionGone(message.id?.value.serialized) }
            session = found
        }
        let revision = session.flatMap { Revision(rawValue: $0.version) } ?? assumed
        switch message.kind {
        case .response: return await takeResponse(root, session, exchange)
        case .notification: return await takeNotification(message, root, session, exchange)
        case .request: return await answerRequest(message, revision, session, exchange)
        }
    }

    private func answerRequest(
        _ message: RPCMessage, _ revision: Revision, _ session: ClientSession?, _ exchange: Exchange
    ) async -> Response {
        guard let id = message.id?.value.serialized else { return Response(.accepted) }
        let ask = Ask(
            message: message, id: id, caller: exchange.caller, context: exchange.context, client: .legacy(revision, session),
            acceptsStream: exchange.acceptsStream, call: nil)
        switch message.method {
        case "initialize": return await initialize(ask)
        case "ping": return reply(RawObject(), id: id)
        case let method where Self.forwarded.contains(method) || Self.sessionBound.contains(method) && session?.upstream != nil:
            switch await admit(message, id, revision, exchange) {
            case .refused(let response): return response
            case .admitted(let call): return await forward(ask.with(call))
            }
        case "resources/subscribe", "resources/unsubscribe":
            guard let session else {
                return refuse(RPCError(.invalidRequest, "Subscriptions need a session. Initialize first."), .ok, id: id)
            }
            switch await admit(message, id, revision, exchange) {
            case .refused(let response): return response
            case .admitted(let call): return await noteSubscription(ask.with(call), session)
            }
        case "logging/setLevel":
            guard let session else {
                return refuse(RPCError(.invalidRequest, "Log levels need a session. Initialize first."), .ok, id: id)
            }
            return setLevel(ask, session)
        // 404 would mean a dead session and make clients start over in a loop (mcp.md §4.2).
        default: return refuse(RPCError(.methodNotFound, "There is no such method here."), .ok, id: id)
        }
    }

    private func sessionGone(_ id: [UInt8]?) -> Response {
        refuse(RPCError(.invalidRequest, "The session has ended. Initialize again."), .notFound, id: id)
    }

    // MARK: The handshake

    private func initialize(_ ask: Ask) async -> Response {
        guard let asked = ask.message.params?["protocolVersion"]?.string else {
            return refuse(RPCError(.invalidParams, "params.protocolVersion must be a string."), .ok, id: ask.id)
        }
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: ask.caller)
            switch try await upstream.era(for: ask.caller, key: key, origin: ask.origin) {
            case .legacy: return try await initializeUpstream(ask, key)
            case .modern: return try await initializeHere(ask, key, asked)
            }
        } catch {
            return await end(ask, Translation.conclusion(of: error, for: ask))
        }
    }

    /// The same era on both sides: the handshake is the upstream's, and so is the session.
    private func initializeUpstream(_ ask: Ask, _ key: Secret?) async throws(ProxyFailure) -> Response {
        let params = ask.message.params.map { Array($0.rawBytes) } ?? Array("{}".utf8)
        let (session, document) = try await upstream.initialize(params, ask.caller, key, ask.origin)
        guard let session else {
            upstream.forgetEra()
            let error = document.root["error"].map { Array($0.rawBytes) } ?? Array("{}".utf8)
            return Response(.ok, fields: Self.jsonFields, body: .bytes(RawMessage.response(id: ask.id, "error", error)))
        }
        let response = Response(
            .ok, fields: Self.jsonFields, body: .bytes(RawMessage.response(id: ask.id, "result", session.result)))
        return response.with(.mcpSessionID, sealSession(ask, session.version, upstream: session))
    }

    /// A modern upstream knows no handshake: we answer from what it says of itself.
    private func initializeHere(_ ask: Ask, _ key: Secret?, _ asked: String) async throws(ProxyFailure) -> Response {
        let meta = RawObject.envelope(upstream.settings, capabilities: Array("{}".utf8))
        let body = RawMessage.request(
            id: upstream.nextID(), method: "server/discover", params: RawObject(meta: meta).serialized)
        let exchange = try await upstream.send(
            Upstream.Outgoing(fields: upstream.modernFields("server/discover", name: nil, ask.origin), body: body), key: key,
            caller: ask.caller, cancellation: UpstreamCancellation())
        let answer = try await upstream.response(of: MessageSource(exchange, limit: upstream.settings.maximumResponseBytes))
        guard let found = answer.root["result"] else {
            upstream.forgetEra()
            throw ProxyFailure(.broken, "\(upstream.name) does not say what it is. Try again.")
        }
        let known = Revision(rawValue: asked).flatMap { $0.isModern ? nil : $0 } ?? .newestLegacy
        let capabilities = Self.bridged(found["capabilities"])
        var result = RawObject()
        result.set("protocolVersion", .string(known.rawValue))
        result["capabilities"] = capabilities.serialized
        result["serverInfo"] =
            found["_meta"]?[name: MetaKey.serverInfo].map { Array($0.rawBytes) } ?? upstream.settings.clientInfo
        result["instructions"] = found["instructions"].map { Array($0.rawBytes) }
        return reply(result, id: ask.id).with(.mcpSessionID, sealSession(ask, known.rawValue, upstream: nil))
    }

    // MARK: Sessions

    /// Larger declarations of a client are forgotten: the handle travels in a header, in bytes.
    private static let declarationLimit = 4096

    private func sealSession(_ ask: Ask, _ version: String, upstream session: LegacySession?) -> String {
        let params = ask.message.params
        func small(_ view: JSONView?) -> [UInt8] {
            view.flatMap { $0.isObject && $0.rawBytes.count <= Self.declarationLimit ? Array($0.rawBytes) : nil }
                ?? Array("{}".utf8)
        }
        var facts = RawObject()
        facts.set("v", .string(version))
        facts["c"] = small(params?["capabilities"])
        facts["i"] = small(params?["clientInfo"])
        if let session {
            facts.set("own", true)
            facts["u"] = session.id.map { JSONValue.string($0).serialized }
        }
        return sealer.seal(String(decoding: facts.serialized, as: UTF8.self), .session, for: ask.caller)
    }

    func openSession(_ handle: String, _ caller: Principal) -> ClientSession? {
        guard !upstream.endedSessions.contains(handle), let text = sealer.open(handle, .session, for: caller),
            let facts = try? JSONDocument(parsing: Array(text.utf8)).root, let version = facts["v"]?.string
        else { return nil }
        let isOwn = facts["own"]?.bool == true
        return ClientSession(
            handle: handle,
            upstream: isOwn ? LegacySession(id: facts["u"]?.string, version: version, result: Array("{}".utf8)) : nil,
            version: version, capabilities: facts["c"].map { Array($0.rawBytes) } ?? Array("{}".utf8),
            info: facts["i"].map { Array($0.rawBytes) } ?? Array("{}".utf8))
    }

    func endSession(_ exchange: Exchange) async -> Response {
        guard let handle = exchange.request.fields[.mcpSessionID] else {
            return refuse(RPCError(.invalidRequest, "Mcp-Session-Id is missing."), .badRequest, id: nil)
        }
        guard let session = openSession(handle, exchange.caller) else { return sessionGone(nil) }
        upstream.endedSessions.end(handle)
        upstream.subscriptions.forget(handle)
        if let own = session.upstream, own.id != nil, let key = try? await upstream.key(for: exchange.caller) as Secret? {
            let fields = upstream.legacyFields(own, RequestOrigin(exchange.context))
            // Whether the upstream heard of it or not, the session is over for our client.
            let answer = try? await upstream.send(
                Upstream.Outgoing(method: .delete, fields: fields), key: key, caller: exchange.caller,
                cancellation: UpstreamCancellation())
            answer?.abandon()
        }
        return Response(.noContent)
    }

    // MARK: What gets no answer

    private func takeNotification(
        _ message: RPCMessage, _ root: JSONView, _ session: ClientSession?, _ exchange: Exchange
    ) async -> Response {
        if let own = session?.upstream { return await pass(root, own, exchange) }
        if message.method == "notifications/cancelled", let id = message.params?["requestId"] {
            upstream.active.cancel(
                ActiveCalls.Key(
                    user: exchange.caller.userID.text, session: session?.handle ?? "", id: Array(id.value.serialized)))
        }
        return Response(.accepted)
    }

    /// A client's answer to a question: the upstream's own, or one of ours in its stead.
    private func takeResponse(_ root: JSONView, _ session: ClientSession?, _ exchange: Exchange) async -> Response {
        if let own = session?.upstream { return await pass(root, own, exchange) }
        if let id = root["id"]?.string {
            let value = root["result"].map { $0.isObject ? Array($0.rawBytes) : [] } ?? []
            _ = upstream.pending.deliver(value, to: id, user: exchange.caller.userID.text)
        }
        return Response(.accepted)
    }

    private func pass(_ root: JSONView, _ session: LegacySession, _ exchange: Exchange) async -> Response {
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: exchange.caller)
            try await upstream.notify(
                Array(root.rawBytes), session, exchange.caller, key, RequestOrigin(exchange.context))
            return Response(.accepted)
        } catch {
            guard error.code != .sessionGone else { return sessionGone(nil) }
            return refuse(error.rpcError, .serviceUnavailable, id: nil)
        }
    }

    // MARK: Batches

    /// 2025-03-26 only. Each element takes the path of a single message; a refusal of one on the level of HTTP is the answer of
    /// all, so that no element slips past an authorization challenge (mcp.md §4.5).
    func answerBatch(_ elements: [JSONView], _ exchange: Exchange) async -> Response {
        var exchange = exchange
        exchange.request.fields.remove(.accept)
        var replies: [[UInt8]] = []
        var events: [Event] = []
        for element in elements {
            let message: RPCMessage
            do throws(RPCError) { message = try RPCMessage(element) } catch {
                replies.append(RPCReply.error(error, id: nil))
                continue
            }
            guard message.method != "initialize" else {
                return refuse(
                    RPCError(.invalidRequest, "initialize must not be part of a batch."), .badRequest,
                    id: message.id?.value.serialized)
            }
            let answer = await answerLegacy(message, .march2025, element, exchange)
            events += answer.events
            guard answer.status.code < 300 else { return answer }
            if case .bytes(let body) = answer.body { replies.append(body) }
        }
        guard !replies.isEmpty else { return Response(.accepted, events: events) }
        return Response(.ok, fields: Self.jsonFields, body: .bytes(RawArray.serialized(replies)), events: events)
    }
}
