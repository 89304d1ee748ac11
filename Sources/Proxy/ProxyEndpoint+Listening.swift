internal import Client
internal import HTTP
internal import MCP
internal import Primitives
internal import Synchronization
internal import Transport

/// Streams that stay open: `subscriptions/listen` of modern clients, and the GET stream of legacy ones.
extension ProxyEndpoint {
    static let subscriptionKey = "io.modelcontextprotocol/subscriptionId"

    // MARK: subscriptions/listen

    func listen(_ ask: Ask) async -> Response {
        guard let wanted = ask.message.params?["notifications"], wanted.isObject else {
            return refuse(RPCError(.invalidParams, "params.notifications must be an object."), .ok, id: ask.id)
        }
        guard wanted["taskIds"] == nil else {
            return refuse(RPCError(.invalidParams, "Task notifications are not passed on. Poll with tasks/get."), .ok, id: ask.id)
        }
        switch await gate.openStream(for: ask.caller, in: ask.context) {
        case .refused(let refusal):
            var response = refuse(refusal.error, refusal.status, id: ask.id)
            response.fields.append(contentsOf: refusal.fields)
            response.events = refusal.events
            return response
        case .admitted(let place):
            do throws(ProxyFailure) {
                let key = try await upstream.key(for: ask.caller)
                let (link, _) = try await upstream.link(for: ask, key: key)
                if case .legacy(let session, _) = link { return try await bridge(ask, wanted, session, key, place) }
                return try await listenUpstream(ask, link, key, place)
            } catch {
                return await end(ask, Translation.conclusion(of: error, for: ask))
            }
        }
    }

    private func listenUpstream(
        _ ask: Ask, _ link: Link, _ key: Secret?, _ place: StreamPlace
    ) async throws(ProxyFailure) -> Response {
        let translation = Translation(
            ask: ask, link: link, upstream: upstream, sealer: sealer, gate: gate, upstreamID: upstream.nextID())
        let cancellation = UpstreamCancellation()
        let params = ask.message.params.map { Array($0.rawBytes) } ?? Array("{}".utf8)
        let source = try await upstream.open(translation, params: params, key: key, cancellation: cancellation)
        let bound = LoopBound(source, on: upstream.group.current)
        return Response(
            .ok, fields: EventStream.fields,
            body: .stream { writer in
                await follow(ask, cancellation, writer, place) { (time) async throws(ProxyFailure) in
                    try await next(bound.value, translation, time)
                }
            })
    }

    enum Heard {
        case event([UInt8])
        case last([UInt8])
        case quiet
    }

    /// The next message of a listen stream, tagged as ours.
    private func next(_ source: MessageSource, _ translation: Translation, _ time: Duration) async throws(ProxyFailure) -> Heard {
        switch try await source.next(within: time) {
        case .quiet, .mark: return .quiet
        case .end: return .last(lastWords(translation.ask))
        case .message(let document, _):
            guard let method = document.root["method"]?.string else {
                guard document.root["error"] != nil, case .concluded(let conclusion) = translation.verdict(document.root) else {
                    return .last(lastWords(translation.ask))
                }
                return .last(conclusion.message)
            }
            var params = RawObject(document.root["params"])
            var meta = RawObject(document.root["params"]?["_meta"])
            meta[Self.subscriptionKey] = translation.ask.id
            params["_meta"] = meta.serialized
            if method == "notifications/cancelled" { params["requestId"] = translation.ask.id }
            return .event(RawMessage.notification(method: method, params: params.serialized))
        }
    }

    func subscriptionMeta(_ ask: Ask) -> RawObject {
        var meta = RawObject()
        meta[Self.subscriptionKey] = ask.id
        return meta
    }

    func lastWords(_ ask: Ask) -> [UInt8] {
        var result = RawObject()
        result.set("resultType", "complete")
        result["_meta"] = subscriptionMeta(ask).serialized
        return RawMessage.response(id: ask.id, "result", result.serialized)
    }

    /// Writes what is heard until the client goes, its credential ends, the server drains or the upstream closes.
    func follow(
        _ ask: Ask, _ cancellation: UpstreamCancellation, _ writer: any BodyWriter, _ place: StreamPlace,
        _ hear: (Duration) async throws(ProxyFailure) -> Heard
    ) async {
        defer { withExtendedLifetime(place) {} }
        let watch = Watch(streams, cancellation, ask.context.executor)
        defer { watch.end() }
        var judged = MonotonicTime.now()
        await withTaskCancellationHandler {
            do {
                while true {
                    let heard: Heard
                    do throws(ProxyFailure) { heard = try await hear(streams.keepAlive) } catch {
                        return try await writer.write(EventStream.message(lastWords(ask)))
                    }
                    let isQuiet = if case .quiet = heard { true } else { false }
                    guard await stands(ask, since: &judged, isDue: isQuiet) else {
                        return try await writer.write(EventStream.message(lastWords(ask)))
                    }
                    switch heard {
                    case .event(let message): try await writer.write(EventStream.message(message))
                    case .last(let message): return try await writer.write(EventStream.message(message))
                    case .quiet:
                        try await writer.write(EventStream.comment)
                        await writer.rest()
                    }
                }
            } catch {}  // the client is gone: there is nobody to tell
        } onCancel: {
            cancellation.cancel()
        }
        cancellation.cancel()
    }

    // MARK: The GET stream of a legacy session

    /// Opens the upstream's stream of the same session, or goes on where one broke off (mcp.md §4.4).
    func resume(_ exchange: Exchange) async -> Response {
        guard let handle = exchange.request.fields[.mcpSessionID], exchange.acceptsStream else { return noStream() }
        guard let session = openSession(handle, exchange.caller) else {
            return refuse(RPCError(.invalidRequest, "The session has ended. Initialize again."), .notFound, id: nil)
        }
        let ask = Ask(
            message: Self.nothing, id: Array("null".utf8), caller: exchange.caller, context: exchange.context,
            client: .legacy(Revision(rawValue: session.version) ?? .newestLegacy, session), acceptsStream: true, call: nil)
        switch await gate.openStream(for: exchange.caller, in: exchange.context) {
        case .refused(let refusal):
            var response = refuse(refusal.error, refusal.status, id: nil)
            response.fields.append(contentsOf: refusal.fields)
            response.events = refusal.events
            return response
        case .admitted(let place):
            guard let own = session.upstream else { return await tellChanges(ask, session, place) }
            return await resume(ask, own, exchange.request.fields[.lastEventID], place)
        }
    }

    private static let nothing: RPCMessage = {
        let text: JSONValue = ["jsonrpc": "2.0", "method": "notifications/none"]
        guard let document = try? JSONDocument(parsing: text.serialized), let message = try? RPCMessage(document.root) else {
            preconditionFailure("a constant message is a message")
        }
        return message
    }()

    private func resume(_ ask: Ask, _ session: LegacySession, _ last: String?, _ place: StreamPlace) async -> Response {
        let cancellation = UpstreamCancellation()
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: ask.caller)
            var fields = upstream.legacyFields(session, ask.origin)
            fields.remove(.contentType)
            fields.set(.accept, "text/event-stream")
            if let last, last.utf8.count <= 1024 { fields.append(.lastEventID, last) }
            let exchange = try await upstream.send(
                Upstream.Outgoing(method: .get, fields: fields), key: key, caller: ask.caller, cancellation: cancellation)
            let source = MessageSource(exchange, limit: upstream.settings.maximumResponseBytes)
            guard exchange.status == 200, source.isStream else {
                exchange.abandon()
                guard exchange.status == 404 else { return noStream() }
                return refuse(RPCError(.invalidRequest, "The session has ended. Initialize again."), .notFound, id: nil)
            }
            return passStream(ask, session, source, cancellation, place)
        } catch {
            return refuse(error.rpcError, .serviceUnavailable, id: nil)
        }
    }

    private func passStream(
        _ ask: Ask, _ session: LegacySession, _ source: MessageSource, _ cancellation: UpstreamCancellation, _ place: StreamPlace
    ) -> Response {
        let bound = LoopBound(source, on: upstream.group.current)
        return Response(
            .ok, fields: EventStream.fields,
            body: .stream { writer in
                defer { withExtendedLifetime(place) {} }
                let watch = Watch(streams, cancellation, ask.context.executor)
                defer { watch.end() }
                var judged = MonotonicTime.now()
                await withTaskCancellationHandler {
                    do {
                        while true {
                            let incoming = try await bound.value.next(within: streams.keepAlive)
                            let isQuiet = if case .quiet = incoming { true } else { false }
                            guard await stands(ask, since: &judged, isDue: isQuiet) else { return }
                            switch incoming {
                            case .end: return
                            case .quiet:
                                try await writer.write(EventStream.comment)
                                await writer.rest()
                            case .mark(let event): try await writer.write(Relay.frame(event, event.data))
                            case .message(let document, let event):
                                try await writer.write(Relay.frame(event, resumed(document.root, ask, session)))
                            }
                        }
                    } catch {}  // one side is gone; the client may resume
                } onCancel: {
                    cancellation.cancel()
                }
                cancellation.cancel()
            })
    }

    /// A response that comes on a resumed stream is filtered like one that comes at once.
    private func resumed(_ root: JSONView, _ ask: Ask, _ session: LegacySession) -> [UInt8] {
        guard root["method"] == nil, let id = root["id"], root["result"] != nil else { return Array(root.rawBytes) }
        let own = Ask(
            message: ask.message, id: Array(id.rawBytes), caller: ask.caller, context: ask.context, client: ask.client,
            acceptsStream: true, call: nil)
        let translation = Translation(
            ask: own, link: .legacy(session, isOwn: true), upstream: upstream, sealer: sealer, gate: gate, upstreamID: own.id)
        guard case .concluded(let conclusion) = translation.verdict(root) else { return Array(root.rawBytes) }
        return conclusion.message
    }

    func noStream() -> Response {
        refuse(RPCError(.invalidRequest, "There is no stream to open here."), .methodNotAllowed, id: nil)
            .with(.allow, "POST, OPTIONS")
    }
}

/// Ends an exchange when the server drains.
final class Watch: Sendable {
    private let hub: StreamHub
    private let stream = OpenStream()

    init(_ hub: StreamHub, _ cancellation: UpstreamCancellation, _ executor: (any TaskExecutor)?) {
        self.hub = hub
        hub.add(stream, on: executor)
        let stream = stream
        // Ends with `end`, which sends `.gone`.
        Task(executorPreference: executor) {
            while true {
                switch await stream.next() {
                case .keepAlive, .event: continue
                case .closing: return cancellation.cancel()
                case .ended, .gone: return
                }
            }
        }
    }

    func end() {
        hub.remove(stream)
        stream.send(.gone)
    }
}
