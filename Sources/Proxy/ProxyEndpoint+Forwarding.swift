internal import Client
internal import HTTP
internal import MCP
internal import Primitives
internal import Transport

/// From an admitted request to its answer, whatever the eras on both sides.
extension ProxyEndpoint {
    /// Sends the request to the upstream and answers as JSON, or as an event stream once the upstream has something to say
    /// before its response.
    func forward(_ ask: Ask) async -> Response {
        let cancellation = UpstreamCancellation()
        var active: ActiveCalls.Key?
        if !ask.client.isModern {
            let key = ActiveCalls.Key(
                user: ask.caller.userID.text, session: ask.client.session?.handle ?? "", id: ask.id)
            upstream.active.add(key, cancellation)
            active = key
        }
        // Before 2026-07-28 a disconnect cancels nothing (mcp.md §1).
        return await withTaskCancellationHandler {
            await answer(ask, cancellation, active)
        } onCancel: {
            if ask.client.isModern { cancellation.cancel() }
        }
    }

    private func answer(_ ask: Ask, _ cancellation: UpstreamCancellation, _ active: ActiveCalls.Key?) async -> Response {
        let relay: Relay
        do throws(Obstacle) { relay = try await start(ask, cancellation) } catch {
            upstream.active.remove(active)
            return await end(ask, conclusion(of: error, for: ask))
        }
        let since = MonotonicTime.now()
        while true {
            let left = ask.acceptsStream ? Self.patience - (MonotonicTime.now() - since) : streams.keepAlive
            switch await relay.advance(within: max(.milliseconds(1), left)) {
            case .send(let event): if ask.acceptsStream { return stream(relay, ask, cancellation, active, first: event) }
            case .quiet: if ask.acceptsStream { return stream(relay, ask, cancellation, active, first: nil) }
            case .suspended:
                upstream.active.remove(active)
                return await end(
                    ask, Translation.conclusion(of: ProxyFailure(.broken, "\(upstream.name) broke off its answer."), for: ask))
            case .done(let conclusion):
                upstream.active.remove(active)
                return await end(ask, conclusion)
            }
        }
    }

    /// Why a request did not get under way.
    enum Obstacle: Error {
        case failure(ProxyFailure)
        case error(RPCError)
    }

    private func conclusion(of obstacle: Obstacle, for ask: Ask) -> Conclusion {
        switch obstacle {
        case .failure(let failure):
            // The client's own session ended at the upstream: it must begin another (mcp.md §4.3).
            var conclusion = Translation.conclusion(of: failure, for: ask)
            if failure.code == .sessionGone, ask.client.session != nil { conclusion.status = .notFound }
            return conclusion
        case .error(let error):
            return Conclusion(
                message: RawMessage.response(id: ask.id, "error", error.json.serialized), outcome: .toolError)
        }
    }

    private func start(_ ask: Ask, _ cancellation: UpstreamCancellation) async throws(Obstacle) -> Relay {
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: ask.caller, noting: ask.call?.notes)
            let (link, owner) = try await upstream.link(for: ask, key: key)
            do throws(ProxyFailure) { return try await open(ask, link, key, cancellation) } catch {
                // A session of ours the upstream forgot: nothing was done, so once more with a new one.
                guard error.code == .sessionGone, let owner else { throw error }
                upstream.sessions.forget(owner)
                return try await open(ask, try await upstream.link(for: ask, key: key).link, key, cancellation)
            }
        } catch {
            if let wrong = error.rpc { throw .error(wrong) }
            throw .failure(error)
        }
    }

    private func open(
        _ ask: Ask, _ link: Link, _ key: Secret?, _ cancellation: UpstreamCancellation
    ) async throws(ProxyFailure) -> Relay {
        let translation = Translation(
            ask: ask, link: link, upstream: upstream, sealer: sealer, gate: gate,
            upstreamID: link.isOwn ? ask.id : upstream.nextID())
        let params: [UInt8]
        do throws(RPCError) { params = try translation.params() } catch { throw ProxyFailure(invalid: error) }
        let source = try await upstream.open(translation, params: params, key: key, cancellation: cancellation)
        return Relay(translation, source: source, key: key, cancellation: cancellation)
    }

    // MARK: The end

    /// Records the end and answers with it.
    func end(_ ask: Ask, _ conclusion: Conclusion) async -> Response {
        guard await ask.call?.finish(conclusion.outcome) ?? true else {
            return refuse(Self.unrecorded, .serviceUnavailable, id: ask.id).with(.retryAfter, "5")
        }
        var response = Response(
            conclusion.status, fields: Self.jsonFields, body: .bytes(conclusion.message), events: conclusion.events)
        if let fields = ask.call?.fields { response.fields.append(contentsOf: fields) }
        return response
    }

    static let unrecorded = RPCError(.unavailable, "The audit log cannot be written, so the answer is withheld.")

    // MARK: Streams

    private func stream(
        _ relay: Relay, _ ask: Ask, _ cancellation: UpstreamCancellation, _ active: ActiveCalls.Key?, first: [UInt8]?
    ) -> Response {
        var fields = EventStream.fields
        if let own = ask.call?.fields { fields.append(contentsOf: own) }
        let bound = LoopBound(relay, on: upstream.group.current)
        let upstream = upstream
        return Response(
            .ok, fields: fields,
            body: .stream { writer in
                await withTaskCancellationHandler {
                    await pump(bound.value, ask, first: first, into: writer)
                } onCancel: {
                    if ask.client.isModern { cancellation.cancel() }
                }
                upstream.active.remove(active)
            })
    }

    /// Writes what comes as it comes; the upstream is read no faster than the client takes it.
    private func pump(_ relay: Relay, _ ask: Ask, first: [UInt8]?, into writer: any BodyWriter) async {
        var judged = MonotonicTime.now()
        // A legacy client that went away is no reason to stop: the call goes on to its end, read by nobody.
        var isRead = true
        func write(_ bytes: [UInt8]) async {
            guard isRead else { return }
            isRead = (try? await writer.write(bytes)) != nil
        }
        if let first { await write(first) }
        while true {
            if !isRead, ask.client.isModern {
                _ = await ask.call?.finish(.cancelled)
                return
            }
            switch await relay.advance(within: streams.keepAlive) {
            case .send(let event):
                guard await stands(ask, since: &judged, isDue: false) else { return }
                await write(event)
            case .quiet:
                guard await stands(ask, since: &judged, isDue: true) else { return }
                await write(EventStream.comment)
                await writer.rest()
            case .suspended:
                _ = await ask.call?.finish(.cancelled)
                return
            case .done(let conclusion):
                let isRecorded = await ask.call?.finish(conclusion.outcome) ?? true
                await write(
                    EventStream.message(
                        isRecorded
                            ? conclusion.message : RawMessage.response(id: ask.id, "error", Self.unrecorded.json.serialized)))
                return
            }
        }
    }

    /// Whether the stream may go on, asked when due or when the last answer is an interval old (RS-12).
    func stands(_ ask: Ask, since judged: inout MonotonicTime, isDue: Bool) async -> Bool {
        let now = MonotonicTime.now()
        guard isDue || now - judged >= streams.keepAlive else { return true }
        judged = now
        return await gate.stillStands(ask.caller, in: ask.context)
    }
}

extension ProxyFailure {
    /// A request that cannot be sent because of what is in it.
    fileprivate init(invalid error: RPCError) {
        self.init(.refused, error.message, status: error.code.rawValue)
    }

    /// The error such a failure stands for.
    fileprivate var rpc: RPCError? {
        guard let status, status < 0, let code = RPCError.Code(rawValue: status) else { return nil }
        return RPCError(code, message)
    }
}
