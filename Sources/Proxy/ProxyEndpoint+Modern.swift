internal import Client
internal import HTTP
internal import MCP
internal import Primitives
internal import Transport

/// Clients of 2026-07-28 (mcp.md §3).
extension ProxyEndpoint {
    private static let forwarded: Set<String> = [
        "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read", "prompts/list", "prompts/get",
        "completion/complete", "tasks/get", "tasks/update", "tasks/cancel",
    ]

    func answerModern(_ message: RPCMessage, _ exchange: Exchange) async -> Response {
        guard message.kind == .request, let id = message.id?.value.serialized else { return Response(.accepted) }
        do throws(RPCError) { try checkEnvelope(message, exchange.request.fields) } catch {
            return refuse(error, .badRequest, id: id)
        }
        let capabilities = message.meta?[MetaKey.clientCapabilities].map { Array($0.rawBytes) } ?? []
        var ask = Ask(
            message: message, id: id, caller: exchange.caller, context: exchange.context,
            client: .modern(capabilities: capabilities), acceptsStream: exchange.acceptsStream, call: nil)
        switch message.method {
        case "server/discover": return await discover(ask)
        case "subscriptions/listen": return await listen(ask)
        case let method where Self.forwarded.contains(method):
            switch await admit(message, id, .july2026, exchange) {
            case .refused(let response): return response
            case .admitted(let call): ask = ask.with(call)
            }
            do throws(RPCError) { try checkMirrors(ask, exchange.request.fields) } catch {
                _ = await ask.call?.finish(.toolError)
                return refuse(error, .badRequest, id: id)
            }
            if let parked = parkedState(ask) { return await resumeParked(ask, parked) }
            return await forward(ask)
        default: return refuse(RPCError(.methodNotFound, "There is no such method here."), .notFound, id: id)
        }
    }

    /// The error ladder of mcp.md §3.3.
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

    /// `Mcp-Param-*` must say what the arguments say (mcp.md §3.2).
    private func checkMirrors(_ ask: Ask, _ fields: Fields) throws(RPCError) {
        guard ask.method == "tools/call", let name = ask.name, let entry = upstream.catalog.entry(name), !entry.mirrored.isEmpty
        else { return }
        let lines = fields.lines.filter { $0.name.hasPrefix("mcp-param-") }
        for argument in entry.mirrored {
            let found = lines.filter { $0.name == "mcp-param-" + argument.header.lowercased() }
            let wanted = argument.value(in: ask.message.params?["arguments"])?.text
            guard found.count == (wanted == nil ? 0 : 1) else {
                throw RPCError(
                    .headerMismatch, "The header Mcp-Param-\(argument.header) must be sent exactly when its argument is.")
            }
            guard let wanted, let raw = found.first?.value else { continue }
            let said = HeaderMirror.decode(raw)
            guard said == wanted || said.flatMap(Double.init).map({ $0 == Double(wanted) }) == true else {
                throw RPCError(.headerMismatch, "The header Mcp-Param-\(argument.header) differs from the body.")
            }
        }
    }

    // MARK: Discovery

    private func discover(_ ask: Ask) async -> Response {
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: ask.caller)
            let (link, _) = try await upstream.link(for: ask, key: key)
            guard case .legacy(let session, _) = link else { return await forward(ask) }
            return reply(Self.discovery(session), id: ask.id)
        } catch {
            return await end(ask, Translation.conclusion(of: error, for: ask))
        }
    }

    /// What a legacy upstream said in its handshake, as `server/discover` says it.
    private static func discovery(_ session: LegacySession) -> RawObject {
        let handshake = try? JSONDocument(parsing: session.result).root
        let capabilities = bridged(handshake?["capabilities"])
        var result = RawObject()
        result.set("resultType", "complete")
        result.set("supportedVersions", .array(Revision.modern.map { .string($0.rawValue) }))
        result["capabilities"] = capabilities.serialized
        result["instructions"] = handshake?["instructions"].map { Array($0.rawBytes) }
        result.set("ttlMs", 60_000)
        result.set("cacheScope", "private")
        var meta = RawObject()
        meta[MetaKey.serverInfo] = handshake?["serverInfo"].map { Array($0.rawBytes) }
        result["_meta"] = meta.serialized
        return result
    }

    // MARK: Input for a parked call

    private func parkedState(_ ask: Ask) -> String? {
        guard let state = ask.message.params?["requestState"]?.string,
            let own = sealer.open(state, .state, for: ask.caller, context: ask.binding), own.hasPrefix("p")
        else { return nil }
        return String(own.dropFirst())
    }

    /// A later round of a call that waits at a legacy upstream. It goes on where its stream lives, which may be another loop.
    private func resumeParked(_ ask: Ask, _ state: String) async -> Response {
        let parts = state.split(separator: " ", maxSplits: 1).map(String.init)
        guard let token = parts.first, let call = upstream.parked.take(token) else {
            _ = await ask.call?.finish(.toolError)
            return refuse(
                RPCError(.invalidParams, "The requestState was not issued for this call, was used, or is too old."), .ok, id: ask.id
            )
        }
        guard call.user == ask.caller.userID, call.context == ask.binding else {
            call.abandon()
            _ = await ask.call?.finish(.toolError)
            return refuse(RPCError(.invalidParams, "The requestState was not issued for this call."), .ok, id: ask.id)
        }
        let translation = Translation(
            ask: ask, link: .legacy(call.session, isOwn: false), upstream: upstream, sealer: sealer, gate: gate,
            upstreamID: call.upstreamID)
        guard let answer = ask.message.params?["inputResponses"]?[name: ParkedCalls.inputKey], answer.isObject else {
            // Nothing usable came: the same question again, under a new state (mcp.md §3.6).
            guard let question = try? JSONDocument(parsing: Array((parts.last ?? "").utf8)).root,
                let again = upstream.parked.park(call)
            else { return await end(ask, translation.conclusion(of: ProxyFailure(.broken, "The call was given up."))) }
            return await end(
                ask,
                Relay.inputRequired(
                    translation, again, method: question["method"]?.string ?? "",
                    params: question["params"].map { Array($0.rawBytes) }))
        }
        let body = RawMessage.response(id: call.questionID, "result", Array(answer.rawBytes))
        let upstream = upstream
        let work = Task(executorPreference: call.loop) { () -> Conclusion in
            await Self.goOn(translation, call, body, upstream)
        }
        let conclusion = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            call.cancellation.cancel()
        }
        return await end(ask, conclusion)
    }

    private static func goOn(_ translation: Translation, _ call: ParkedCall, _ body: [UInt8], _ upstream: Upstream) async
        -> Conclusion
    {
        let ask = translation.ask
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: ask.caller)
            let relay = Relay(translation, source: call.source.value, key: key, cancellation: call.cancellation)
            try await upstream.notify(body, call.session, ask.caller, key, ask.origin)
            while true {
                switch await relay.advance(within: .seconds(15)) {
                case .done(let conclusion): return conclusion
                case .suspended: throw ProxyFailure(.broken, "\(upstream.name) broke off its answer.")
                // Progress of a later round is not told: the answer is JSON.
                case .send, .quiet: continue
                }
            }
        } catch {
            call.abandon()
            return translation.conclusion(of: error)
        }
    }
}

extension Ask {
    func with(_ call: AdmittedCall?) -> Ask {
        Ask(
            message: message, id: id, caller: caller, context: context, client: client, acceptsStream: acceptsStream, call: call)
    }
}
