internal import Client
internal import HTTP
internal import MCP
internal import Primitives
internal import Transport

/// Changes from one era to the other: `subscriptions/listen` over a legacy upstream's GET stream, and a legacy client's GET stream
/// over `subscriptions/listen` (mcp.md §3.8, §4.4, §9).
extension ProxyEndpoint {
    /// Waits in short steps, so that a drain and a new subscription need not wait for a keep-alive.
    private static let step = Duration.milliseconds(250)
    private static let lists = ["tools", "prompts", "resources"]

    /// What the other side declared, without what no era in between can say.
    static func bridged(_ declared: JSONView?) -> RawObject {
        var out = RawObject()
        for key in lists + ["completions", "logging"] {
            guard let capability = declared?[name: key] else { continue }
            var kept = RawObject()
            for flag in ["listChanged", "subscribe"] where capability[name: flag]?.bool == true && lists.contains(key) {
                kept.set(flag, true)
            }
            out[key] = kept.serialized
        }
        return out
    }

    // MARK: A modern client, a legacy upstream

    /// What one listener opted into and the upstream can tell.
    private struct Wanted: Sendable {
        var lists: Set<String> = []
        var addresses: [String] = []

        /// Nil when nothing of it concerns this listener: no stream carries what was not asked for.
        func admits(_ root: JSONView) -> String? {
            guard root["id"] == nil, let method = root["method"]?.string else { return nil }
            if method == "notifications/resources/updated" {
                return root["params"]?["uri"]?.string.flatMap { addresses.contains($0) ? method : nil }
            }
            return lists.contains { method == "notifications/\($0)/list_changed" } ? method : nil
        }

        var serialized: [UInt8] {
            var object = RawObject()
            for list in lists.sorted() { object.set("\(list)ListChanged", true) }
            if !addresses.isEmpty { object.set("resourceSubscriptions", .array(addresses.map { .string($0) })) }
            return object.serialized
        }
    }

    /// Opens a session of its own at the upstream for this listener, whose stream and subscriptions then are nobody else's.
    func bridge(
        _ ask: Ask, _ notifications: JSONView, _ shared: LegacySession, _ key: Secret?, _ place: StreamPlace
    ) async throws(ProxyFailure) -> Response {
        let asked = notifications["resourceSubscriptions"]?.elements.compactMap(\.string) ?? []
        guard asked.count <= LegacySubscriptions.resourceLimit else {
            return refuse(
                RPCError(.invalidParams, "At most \(LegacySubscriptions.resourceLimit) resources are watched by one stream."), .ok,
                id: ask.id)
        }
        var params = RawObject()
        params.set("protocolVersion", .string(shared.version))
        params.set("capabilities", [:])
        params["clientInfo"] = upstream.settings.clientInfo
        let (opened, _) = try await upstream.initialize(params.serialized, ask.caller, key, ask.origin)
        guard let session = opened else { throw ProxyFailure(.refused, "\(upstream.name) refused the handshake.") }
        do throws(ProxyFailure) {
            try await upstream.confirm(session, ask.caller, key, ask.origin)
            return try await bridge(ask, notifications, asked, session, key, place)
        } catch {
            await close(session, ask, key)
            throw error
        }
    }

    private func bridge(
        _ ask: Ask, _ notifications: JSONView, _ asked: [String], _ session: LegacySession, _ key: Secret?, _ place: StreamPlace
    ) async throws(ProxyFailure) -> Response {
        let declared = try? JSONDocument(parsing: session.result).root["capabilities"]
        var wanted = Wanted()
        for list in Self.lists
        where notifications[name: "\(list)ListChanged"]?.bool == true && declared?[name: list]?["listChanged"]?.bool == true {
            wanted.lists.insert(list)
        }
        let cancellation = UpstreamCancellation()
        var fields = upstream.legacyFields(session, ask.origin)
        fields.remove(.contentType)
        fields.set(.accept, "text/event-stream")
        let exchange = try await upstream.send(
            Upstream.Outgoing(method: .get, fields: fields), key: key, caller: ask.caller, cancellation: cancellation)
        let source = MessageSource(exchange, limit: upstream.settings.maximumResponseBytes)
        let hasStream = exchange.status == 200 && source.isStream
        if !hasStream {
            // An upstream without such a stream tells nothing, and the accepted subset says so.
            exchange.abandon()
            wanted = Wanted()
        } else if declared?["resources"]?["subscribe"]?.bool == true, gate.isVisible(Self.subscribing, to: ask.caller) {
            for address in asked where try await subscribe(to: address, session, ask, key) { wanted.addresses.append(address) }
        }
        let accepted = wanted
        let bound = LoopBound(source, on: upstream.group.current)
        return Response(
            .ok, fields: EventStream.fields,
            body: .stream { writer in
                var params = RawObject()
                params["notifications"] = accepted.serialized
                params["_meta"] = subscriptionMeta(ask).serialized
                let acknowledged = RawMessage.notification(
                    method: "notifications/subscriptions/acknowledged", params: params.serialized)
                if (try? await writer.write(EventStream.message(acknowledged))) != nil {
                    await follow(ask, cancellation, writer, place) { (time) async throws(ProxyFailure) in
                        guard hasStream else { return try await rest(time, cancellation) }
                        return try await hear(bound.value, accepted, ask, session, key, time)
                    }
                }
                cancellation.cancel()
                await close(session, ask, key)
            })
    }

    private static let subscribing = Tool(
        name: "resources/subscribe", title: "resources/subscribe", description: "", inputSchema: ["type": "object"],
        annotations: ToolAnnotations(readOnly: true), permission: .read
    ) { _, _ in .failure("This runs on its upstream server.") }

    private func subscribe(
        to address: String, _ session: LegacySession, _ ask: Ask, _ key: Secret?
    ) async throws(ProxyFailure) -> Bool {
        guard address.utf8.count <= LegacySubscriptions.addressLimit else { return false }
        var params = RawObject()
        params.set("uri", .string(address))
        let body = RawMessage.request(id: upstream.nextID(), method: "resources/subscribe", params: params.serialized)
        let exchange = try await upstream.send(
            Upstream.Outgoing(fields: upstream.legacyFields(session, ask.origin), body: body), key: key, caller: ask.caller,
            cancellation: UpstreamCancellation())
        let answer = try await upstream.response(of: MessageSource(exchange, limit: upstream.settings.maximumResponseBytes))
        return answer.root["result"] != nil
    }

    private func rest(_ time: Duration, _ cancellation: UpstreamCancellation) async throws(ProxyFailure) -> Heard {
        let end = MonotonicTime.now() + time
        while MonotonicTime.now() < end {
            guard (try? await upstream.sleeper.sleep(for: Self.step)) != nil, !cancellation.isCancelled else {
                throw ProxyFailure(.cancelled, "The stream ended.")
            }
        }
        return .quiet
    }

    /// The next change this listener asked for, tagged as its own.
    private func hear(
        _ source: MessageSource, _ wanted: Wanted, _ ask: Ask, _ session: LegacySession, _ key: Secret?, _ time: Duration
    ) async throws(ProxyFailure) -> Heard {
        let end = MonotonicTime.now() + time
        while true {
            switch try await source.next(within: max(.milliseconds(1), end - .now())) {
            case .quiet: return .quiet
            case .mark: continue
            case .end: return .last(lastWords(ask))
            case .message(let document, _):
                if let method = wanted.admits(document.root) {
                    var params = RawObject(document.root["params"])
                    var meta = RawObject(document.root["params"]?["_meta"])
                    meta[Self.subscriptionKey] = ask.id
                    params["_meta"] = meta.serialized
                    return .event(RawMessage.notification(method: method, params: params.serialized))
                }
                try await decline(document.root, session, ask, key)
            }
        }
    }

    /// Answers what an upstream asks on a stream where nobody can be asked.
    private func decline(_ root: JSONView, _ session: LegacySession, _ ask: Ask, _ key: Secret?) async throws(ProxyFailure) {
        guard let id = root["id"], let method = root["method"]?.string else { return }
        let refusal = RPCError(.methodNotFound, "Nobody can be asked on this stream.").json.serialized
        let own = Array(id.rawBytes)
        let body =
            method == "ping"
            ? RawMessage.response(id: own, "result", Array("{}".utf8)) : RawMessage.response(id: own, "error", refusal)
        try await upstream.notify(body, session, ask.caller, key, ask.origin)
    }

    /// Whether the upstream heard of it or not, nobody uses the session any more.
    private func close(_ session: LegacySession, _ ask: Ask, _ key: Secret?) async {
        guard session.id != nil else { return }
        let answer = try? await upstream.send(
            Upstream.Outgoing(method: .delete, fields: upstream.legacyFields(session, ask.origin)), key: key, caller: ask.caller,
            cancellation: UpstreamCancellation())
        answer?.abandon()
    }
}

// MARK: - A legacy client, a modern upstream

extension ProxyEndpoint {
    /// The source of a session's stream, which is opened anew when the session watches other resources. Not `Sendable`.
    private final class Changes {
        var source: MessageSource
        var addresses: Set<String>

        init(_ source: MessageSource, _ addresses: Set<String>) { (self.source, self.addresses) = (source, addresses) }
    }

    /// `resources/subscribe` and `resources/unsubscribe`: kept for the session, and told to the upstream by its stream.
    func noteSubscription(_ ask: Ask, _ session: ClientSession) async -> Response {
        guard let address = ask.message.params?["uri"]?.string else {
            _ = await ask.call?.finish(.toolError)
            return refuse(RPCError(.invalidParams, "params.uri must be a string."), .ok, id: ask.id)
        }
        var isKept = true
        if ask.method == "resources/subscribe" {
            isKept = upstream.subscriptions.add(address, to: session.handle)
        } else {
            upstream.subscriptions.remove(address, from: session.handle)
        }
        guard await ask.call?.finish(isKept ? .completed : .toolError) ?? true else {
            return refuse(Self.unrecorded, .ok, id: ask.id)
        }
        guard isKept else {
            return refuse(
                RPCError(.invalidParams, "No more resources can be watched. Unsubscribe from some first."), .ok, id: ask.id)
        }
        return reply(RawObject(), id: ask.id)
    }

    /// Kept for the session, and said with each of its requests to a modern upstream.
    func setLevel(_ ask: Ask, _ session: ClientSession) -> Response {
        guard let level = ask.message.params?["level"]?.string, Translation.levels.contains(level) else {
            return refuse(RPCError(.invalidParams, "params.level must be a level of RFC 5424."), .ok, id: ask.id)
        }
        guard upstream.subscriptions.set(level: level, of: session.handle) else {
            return refuse(RPCError(.unavailable, "Too many sessions are open. Try again later."), .ok, id: ask.id)
        }
        return reply(RawObject(), id: ask.id)
    }

    /// The GET stream of a session whose upstream knows none.
    func tellChanges(_ ask: Ask, _ session: ClientSession, _ place: StreamPlace) async -> Response {
        let handle = session.handle
        guard upstream.subscriptions.beginStream(handle) else {
            return refuse(RPCError(.invalidRequest, "The session has its stream already."), .conflict, id: nil)
        }
        do throws(ProxyFailure) {
            let key = try await upstream.key(for: ask.caller)
            guard try await upstream.era(for: ask.caller, key: key, origin: ask.origin) == .modern else {
                upstream.subscriptions.endStream(handle)
                return noStream()
            }
            let addresses = upstream.subscriptions.addresses(of: handle)
            guard let source = try await openChanges(ask, addresses, key) else {
                upstream.subscriptions.endStream(handle)
                return noStream()
            }
            let bound = LoopBound(Changes(source, addresses), on: upstream.group.current)
            return Response(
                .ok, fields: EventStream.fields,
                body: .stream { writer in
                    await tell(bound.value, ask, handle, key, writer)
                    bound.value.source.exchange.abandon()
                    upstream.subscriptions.endStream(handle)
                    withExtendedLifetime(place) {}
                })
        } catch {
            upstream.subscriptions.endStream(handle)
            return refuse(error.rpcError, .serviceUnavailable, id: nil)
        }
    }

    /// Listens at the upstream. Nil when it does not offer it; comes back with what is to be read after its acknowledgment.
    private func openChanges(_ ask: Ask, _ addresses: Set<String>, _ key: Secret?) async throws(ProxyFailure) -> MessageSource? {
        var wanted = RawObject()
        for list in ["tools", "prompts", "resources"] { wanted.set("\(list)ListChanged", true) }
        if !addresses.isEmpty { wanted.set("resourceSubscriptions", .array(addresses.sorted().map { .string($0) })) }
        var params = RawObject(meta: RawObject.envelope(upstream.settings, capabilities: Array("{}".utf8)))
        params["notifications"] = wanted.serialized
        let method = "subscriptions/listen"
        let body = RawMessage.request(id: upstream.nextID(), method: method, params: params.serialized)
        let exchange = try await upstream.send(
            Upstream.Outgoing(fields: upstream.modernFields(method, name: nil, ask.origin), body: body), key: key,
            caller: ask.caller, cancellation: UpstreamCancellation())
        let source = MessageSource(exchange, limit: upstream.settings.maximumResponseBytes)
        guard exchange.status == 200, source.isStream else {
            exchange.abandon()
            return nil
        }
        let end = MonotonicTime.now() + upstream.settings.timeout
        while MonotonicTime.now() < end {
            switch try await source.next(within: max(.milliseconds(1), end - .now())) {
            case .mark, .quiet: continue
            case .message(let document, _)
            where document.root["method"]?.equals("notifications/subscriptions/acknowledged") == true:
                return source
            // An error, or anything else before the acknowledgment, is no stream.
            case .message, .end: break
            }
            break
        }
        exchange.abandon()
        return nil
    }

    /// Writes changes until the client goes, its credential or session ends, the server drains or the upstream closes. One
    /// message at a time, as fast as the client reads: what it does not take waits at the upstream.
    private func tell(_ changes: Changes, _ ask: Ask, _ handle: String, _ key: Secret?, _ writer: any BodyWriter) async {
        let cancellation = UpstreamCancellation()
        let watch = Watch(streams, cancellation, ask.context.executor)
        defer { watch.end() }
        var judged = MonotonicTime.now()
        var beat = MonotonicTime.now()
        do {
            while !cancellation.isCancelled, !Task.isCancelled, !upstream.endedSessions.contains(handle) {
                for event in try await renew(changes, ask, handle, key) { try await writer.write(EventStream.message(event)) }
                let incoming = try await changes.source.next(within: .milliseconds(250))
                let isDue = MonotonicTime.now() - beat >= streams.keepAlive
                guard await stands(ask, since: &judged, isDue: isDue) else { return }
                if isDue {
                    beat = .now()
                    try await writer.write(EventStream.comment)
                    await writer.rest()
                }
                switch incoming {
                case .quiet, .mark: continue
                case .end: return
                case .message(let document, _):
                    guard let event = Self.change(document.root) else { return }
                    try await writer.write(EventStream.message(event))
                }
            }
        } catch {}  // one side is gone: the client opens its stream again and reads again
    }

    /// Listens anew when the session watches other resources. The old stream is read to its end after the new one stands, so that
    /// no change is lost between them; one told by both is told twice.
    /// - Returns: what is to be told: the rest of the old stream, and each address that is new, for it may have changed meanwhile.
    private func renew(
        _ changes: Changes, _ ask: Ask, _ handle: String, _ key: Secret?
    ) async throws(ProxyFailure) -> [[UInt8]] {
        let addresses = upstream.subscriptions.addresses(of: handle)
        guard addresses != changes.addresses else { return [] }
        guard let source = try await openChanges(ask, addresses, key) else {
            throw ProxyFailure(.broken, "\(upstream.name) tells of no changes any more.")
        }
        var events = await Self.rest(of: changes.source)
        changes.source.exchange.abandon()
        for address in addresses.subtracting(changes.addresses).sorted() {
            var params = RawObject()
            params.set("uri", .string(address))
            events.append(RawMessage.notification(method: "notifications/resources/updated", params: params.serialized))
        }
        (changes.source, changes.addresses) = (source, addresses)
        return events
    }

    /// What a stream that is about to be left has still told: until it is quiet for a moment, and no more than a client could want.
    private static func rest(of source: MessageSource) async -> [[UInt8]] {
        var events: [[UInt8]] = []
        while events.count < 256, let incoming = try? await source.next(within: .milliseconds(50)) {
            switch incoming {
            case .message(let document, _): if let event = change(document.root) { events.append(event) }
            case .mark: continue
            case .quiet, .end: return events
            }
        }
        return events
    }

    /// A change as a legacy client knows it, without the tag of the stream. Nil ends the stream.
    private static func change(_ root: JSONView) -> [UInt8]? {
        guard let method = root["method"]?.string, method.hasSuffix("/list_changed") || method == "notifications/resources/updated"
        else { return nil }
        var params = RawObject(root["params"])
        var meta = RawObject(root["params"]?["_meta"])
        meta[subscriptionKey] = nil
        params["_meta"] = meta.isEmpty ? nil : meta.serialized
        return RawMessage.notification(method: method, params: params.isEmpty ? nil : params.serialized)
    }
}
