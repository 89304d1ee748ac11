internal import HTTP
internal import Primitives

/// `subscriptions/listen` of 2026-07-28 (mcp.md §3.8): a stream that stays open and tells what its client asked to hear of.
extension MCPEndpoint {
    func listen(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        guard let wanted = message.params?["notifications"], wanted.isObject else {
            return reply(RPCError(.invalidParams, "params.notifications must be an object."), id: id)
        }
        if wanted["taskIds"] != nil, !ClientCapabilities(message.meta?[MetaKey.clientCapabilities]).contains(.tasks) {
            return refuse(ClientCapabilities.tasks.missing, .badRequest, id: id)
        }
        let wishes = wishes(wanted, exchange)
        switch await gate.openStream(for: exchange.caller, in: exchange.context) {
        case .refused(let refusal): return refuse(refusal, id: id)
        case .admitted(let place):
            // The request is not captured: thousands of these may be open.
            let subscription = Subscription(
                id: id, wishes: wishes, caller: exchange.caller, context: exchange.context, place: place)
            return Response(.ok, fields: EventStream.fields, body: .stream { await self.hold(subscription, $0) })
        }
    }

    /// What an open stream keeps of its request.
    private struct Subscription: Sendable {
        let id: RPCID
        let wishes: Wishes
        let caller: Principal?
        let context: RequestContext
        let place: StreamPlace

        /// Names the stream in each of its messages: by the id of the request, type included.
        var meta: JSONValue { .object(JSONObject([(MetaKey.subscriptionID, id.value)])) }
    }

    /// What a stream will hear of: of what was asked, what is served.
    private struct Wishes: Sendable {
        var changes: Set<Change> = []
        /// Tasks and the handles their client knows them by.
        var tasks: [TaskRecord.ID: (handle: String, record: TaskRecord)] = [:]
        /// As the acknowledgement repeats it.
        var accepted = JSONObject()
    }

    private static let maximumWishes = 256

    @inline(never) private func wishes(_ wanted: JSONView, _ exchange: Exchange) -> Wishes {
        var wishes = Wishes()
        let lists: [(String, Bool?, Change)] = [
            ("toolsListChanged", wanted["toolsListChanged"]?.bool, .tools),
            ("promptsListChanged", wanted["promptsListChanged"]?.bool, .prompts),
            ("resourcesListChanged", wanted["resourcesListChanged"]?.bool, .resources),
        ]
        for (name, isWanted, change) in lists where isWanted == true && features.tells(change) {
            wishes.changes.insert(change)
            wishes.accepted.append(name, true)
        }
        let uris = (wanted["resourceSubscriptions"]?.elements ?? []).compactMap(\.string).prefix(Self.maximumWishes)
            .filter { features.tells(.resource(uri: $0)) }
        if !uris.isEmpty { wishes.accepted.append("resourceSubscriptions", .strings(uris)) }
        for uri in uris { wishes.changes.insert(.resource(uri: uri)) }
        var handles: [String] = []
        for handle in (wanted["taskIds"]?.elements ?? []).compactMap(\.string).prefix(Self.maximumWishes) {
            guard features.changes != nil, let record = record(of: handle, exchange.caller) else { continue }
            handles.append(handle)
            wishes.tasks[record.id] = (handle, record)
        }
        if !handles.isEmpty { wishes.accepted.append("taskIds", .strings(handles)) }
        return wishes
    }

    /// Acknowledges first, tells what changes, keeps the stream alive while the credential stands, and ends it in words.
    private func hold(_ subscription: Subscription, _ writer: any BodyWriter) async {
        let stream = OpenStream()
        let listener = ChangeListener(stream) { Self.render($0, subscription) }
        // Before the acknowledgement: whoever has it hears of every later change.
        features.changes?.add(listener)
        defer { features.changes?.remove(listener) }
        do throws(BodyClosed) {
            try await writer.write(
                EventStream.message(
                    RPCReply.notification(
                        "notifications/subscriptions/acknowledged",
                        ["notifications": .object(subscription.wishes.accepted), "_meta": subscription.meta])))
            streams.add(stream, on: subscription.context.executor)
            defer { streams.remove(stream) }
            while true {
                await writer.rest()
                let signal = await stream.next()
                switch signal {
                case .gone, .ended: return
                case .closing: return try await end(subscription, "The server is stopping.", writer)
                case .keepAlive, .event:
                    guard await gate.stillStands(subscription.caller, in: subscription.context) else {
                        return try await end(subscription, "The credential has ended.", writer)
                    }
                    if case .event(let bytes) = signal {
                        try await writer.write(bytes)
                    } else {
                        try await writer.write(EventStream.comment)
                    }
                }
            }
        } catch {}  // the client is gone: there is nobody to tell
    }

    @inline(never) private static func render(_ change: Change, _ subscription: Subscription) -> [UInt8]? {
        if case .task(let id) = change {
            guard let (handle, record) = subscription.wishes.tasks[id] else { return nil }
            var params = record.members(handle: handle, isDetailed: true)
            params.append("_meta", subscription.meta)
            return EventStream.message(RPCReply.notification("notifications/tasks", .object(params)))
        }
        guard subscription.wishes.changes.contains(change) else { return nil }
        return change.notification(meta: subscription.meta).map(EventStream.message)
    }

    /// The cancellation a server owes on teardown, then the one response.
    @inline(never) private func end(_ subscription: Subscription, _ reason: String, _ writer: any BodyWriter)
        async throws(BodyClosed)
    {
        let cancelled: JSONValue = ["requestId": subscription.id.value, "reason": .string(reason), "_meta": subscription.meta]
        var meta = info.resultMeta.object ?? JSONObject()
        for member in subscription.meta.object?.members ?? [] { meta.append(member.key, member.value) }
        try await writer.write(EventStream.message(RPCReply.notification("notifications/cancelled", cancelled)))
        try await writer.write(
            EventStream.message(RPCReply.result(["resultType": "complete", "_meta": .object(meta)], id: subscription.id)))
    }
}
