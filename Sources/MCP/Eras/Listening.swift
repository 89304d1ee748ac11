internal import HTTP
internal import Primitives

/// `subscriptions/listen` of 2026-07-28 (mcp.md §3.8): a stream that stays open. Nothing a client may subscribe to changes
/// while a gateway runs, so the accepted subset is empty, as the declared capabilities say.
extension MCPEndpoint {
    func listen(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        guard let wanted = message.params?["notifications"], wanted.isObject else {
            return reply(RPCError(.invalidParams, "params.notifications must be an object."), id: id)
        }
        if wanted["taskIds"] != nil, !message.declaresTasks {
            return refuse(Self.needsTasks, .badRequest, id: id)
        }
        switch await gate.openStream(for: exchange.caller, in: exchange.context) {
        case .refused(let refusal): return refuse(refusal, id: id)
        case .admitted(let place):
            // The request is not captured: thousands of these may be open.
            let subscription = Subscription(id: id, caller: exchange.caller, context: exchange.context, place: place)
            return Response(.ok, fields: EventStream.fields, body: .stream { await hold(subscription, $0) })
        }
    }

    private static let needsTasks = RPCError(
        .missingClientCapability, "taskIds needs the tasks extension in the client's capabilities.",
        data: ["requiredCapabilities": ["extensions": ["io.modelcontextprotocol/tasks": [:]]]])

    /// What an open stream keeps of its request.
    private struct Subscription: Sendable {
        let id: RPCID
        let caller: Principal?
        let context: RequestContext
        let place: StreamPlace

        /// Names the stream in each of its messages: by the id of the request, type included.
        var meta: JSONValue { .object(JSONObject([("io.modelcontextprotocol/subscriptionId", id.value)])) }
    }

    /// Acknowledges first, keeps the stream alive while the credential stands, and ends it in words.
    private func hold(_ subscription: Subscription, _ writer: any BodyWriter) async {
        let stream = OpenStream()
        do throws(BodyClosed) {
            try await writer.write(
                EventStream.message(
                    RPCReply.notification(
                        "notifications/subscriptions/acknowledged", ["notifications": [:], "_meta": subscription.meta])))
            streams.add(stream, on: subscription.context.executor)
            defer { streams.remove(stream) }
            while true {
                await writer.rest()
                switch await stream.next() {
                case .gone: return
                case .closing: return try await end(subscription, "The server is stopping.", writer)
                case .keepAlive:
                    guard await gate.stillStands(subscription.caller, in: subscription.context) else {
                        return try await end(subscription, "The credential has ended.", writer)
                    }
                    try await writer.write(EventStream.comment)
                }
            }
        } catch {}  // the client is gone: there is nobody to tell
    }

    /// The cancellation a server owes on teardown, then the one response.
    private func end(_ subscription: Subscription, _ reason: String, _ writer: any BodyWriter) async throws(BodyClosed) {
        let cancelled: JSONValue = ["requestId": subscription.id.value, "reason": .string(reason), "_meta": subscription.meta]
        var meta = info.resultMeta.object ?? JSONObject()
        for member in subscription.meta.object?.members ?? [] { meta.append(member.key, member.value) }
        try await writer.write(EventStream.message(RPCReply.notification("notifications/cancelled", cancelled)))
        try await writer.write(
            EventStream.message(RPCReply.result(["resultType": "complete", "_meta": .object(meta)], id: subscription.id)))
    }
}

extension RPCMessage {
    fileprivate var declaresTasks: Bool {
        meta?[MetaKey.clientCapabilities]?["extensions"]?["io.modelcontextprotocol/tasks"] != nil
    }
}
