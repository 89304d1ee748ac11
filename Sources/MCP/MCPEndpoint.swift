package import HTTP
package import Primitives

/// One MCP endpoint over Streamable HTTP: every revision from 2025-03-26 to 2026-07-28 at the same URL.
/// The caller is authenticated before; what a call may do is the gate's to say.
package struct MCPEndpoint: Sendable {
    let info: ServerInfo
    let registry: ToolRegistry
    let gate: any Gate
    let sleeper: any Sleeper
    let streams: StreamHub
    let features: Features
    /// Nil: nothing links two requests. Then there are no sessions, no tasks, and no handler may ask anything.
    let continuity: Continuity?
    /// Its sealer, for this endpoint alone.
    let handles: HandleSealer?
    /// The capabilities of `server/discover` and of `initialize`, built once.
    let capabilities: (modern: JSONValue, legacy: JSONValue)

    /// How long a call may run before its answer becomes an event stream.
    static let patience = Duration.seconds(1)

    /// - Parameters:
    ///   - streams: of the whole process, so that a drain finds every stream.
    ///   - continuity: of the whole process, so that a reload keeps sessions and tasks.
    package init(
        info: ServerInfo, registry: ToolRegistry, gate: any Gate, sleeper: any Sleeper, streams: StreamHub,
        features: Features = Features(), continuity: Continuity? = nil
    ) {
        self.info = info
        self.registry = registry
        self.gate = gate
        self.sleeper = sleeper
        self.streams = streams
        self.features = features
        self.continuity = continuity
        handles = continuity?.handles.scoped(to: info.name)
        capabilities = (features.capabilities(for: .july2026), features.capabilities(for: .newestLegacy))
    }

    /// Answers one request of an authenticated caller. Errors are always JSON-RPC bodies, never pages.
    package func respond(to request: Request, caller: Principal?, in context: RequestContext) async -> Response {
        guard request.method == .post else { return await answerSessionRequest(request, caller, context) }
        guard
            request.fields.hasValue(.contentType, "application/json")
                || MediaType(request.fields[.contentType])?.essence == "application/json"
        else {
            return refuse(RPCError(.invalidRequest, "Content-Type must be application/json."), .unsupportedMediaType, id: nil)
        }
        guard request.fields.count(of: .mcpProtocolVersion) <= 1 else {
            return refuse(RPCError(.headerMismatch, "MCP-Protocol-Version must be sent once."), .badRequest, id: nil)
        }
        guard let document = try? JSONDocument(parsing: request.body) else {
            return refuse(RPCError(.parseError, "The body is not valid JSON."), .badRequest, id: nil)
        }
        var exchange = Exchange(request: request, caller: caller, context: context)
        switch Classifier.classify(document.root, header: request.fields[.mcpProtocolVersion]) {
        case .modern(let message): return await answerModern(message, &exchange)
        case .legacy(let message, let revision):
            exchange.revision = revision
            // A handshake begins anew, whatever dead session its client still names.
            if message.method != "initialize", let refusal = resume(&exchange, id: message.id) { return refusal }
            return await answerLegacy(message, exchange)
        case .batch(let elements):
            exchange.revision = .march2025
            if let refusal = resume(&exchange, id: nil) { return refusal }
            guard exchange.revision <= .march2025 else {
                return refuse(RPCError(.invalidRequest, "Batches exist in revision 2025-03-26 only."), .badRequest, id: nil)
            }
            return await answerBatch(elements, exchange)
        case .invalid(let error, let id): return refuse(error, .badRequest, id: id)
        case .unsupportedHeader:
            return refuse(RPCError(.invalidRequest, "MCP-Protocol-Version names no revision served here."), .badRequest, id: nil)
        }
    }

    /// One HTTP request and who sent it.
    struct Exchange: Sendable {
        var request: Request
        let caller: Principal?
        let context: RequestContext
        var revision = Revision.july2026
        /// Of a legacy client that showed one.
        var session: LegacySession?
        /// What the envelope of 2026-07-28 asks for.
        var logLevel: LogLevel?

        /// True when the client reads event streams; an absent `Accept` or `*/*` promises only JSON.
        var acceptsStream: Bool {
            request.fields.all(.accept).contains { $0.utf8.count < 1024 && $0.lowercased().contains("text/event-stream") }
        }
    }

    func refuse(_ error: RPCError, _ status: Status, id: RPCID?) -> Response {
        Response(
            status, fields: [(.contentType, "application/json"), (.cacheControl, "no-store")],
            body: .bytes(RPCReply.error(error, id: id)))
    }

    func refuse(_ refusal: Refusal, id: RPCID?) -> Response {
        var response = refuse(refusal.error, refusal.status, id: id)
        response.fields.append(contentsOf: refusal.fields)
        response.events = refusal.events
        return response
    }

    func reply(_ result: JSONValue, id: RPCID) -> Response {
        Response(.ok, fields: Self.jsonFields, body: .bytes(RPCReply.result(result, id: id)))
    }

    /// Built once: what every JSON answer carries.
    static let jsonFields: Fields = [(.contentType, "application/json"), (.cacheControl, "no-store")]
}
