package import HTTP
package import Primitives

/// One MCP endpoint over Streamable HTTP: every revision from 2025-03-26 to 2026-07-28 at the same URL.
/// The caller is authenticated before; what a call may do is the gate's to say.
package final class MCPEndpoint: Sendable {
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
        switch read(request, caller, context) {
        case .settled(let response): return response
        case .modern(let message, let id, let exchange): return await answerModern(message, id, exchange)
        case .legacy(let message, let exchange): return await answerLegacy(message, exchange)
        case .batch(let elements, let exchange): return await answerBatch(elements, exchange)
        }
    }

    /// What a POST brings, once it is read and checked as far as its era asks.
    private enum Reading {
        /// It is answered already.
        case settled(Response)
        case modern(RPCMessage, RPCID, Exchange)
        case legacy(RPCMessage, Exchange)
        case batch([JSONView], Exchange)
    }

    @inline(never) private func read(_ request: Request, _ caller: Principal?, _ context: RequestContext) -> Reading {
        guard
            request.fields.hasValue(.contentType, "application/json")
                || MediaType(request.fields[.contentType])?.essence == "application/json"
        else {
            return .settled(
                refuse(RPCError(.invalidRequest, "Content-Type must be application/json."), .unsupportedMediaType, id: nil))
        }
        guard request.fields.count(of: .mcpProtocolVersion) <= 1 else {
            return .settled(refuse(RPCError(.headerMismatch, "MCP-Protocol-Version must be sent once."), .badRequest, id: nil))
        }
        guard let document = try? JSONDocument(parsing: request.body) else {
            return .settled(refuse(RPCError(.parseError, "The body is not valid JSON."), .badRequest, id: nil))
        }
        let exchange = Exchange(request: request, caller: caller, context: context)
        switch Classifier.classify(document.root, header: request.fields[.mcpProtocolVersion]) {
        case .modern(let message): return readModern(message, exchange)
        case .legacy(let message, let revision):
            let ours = exchange.speaking(revision)
            // A handshake begins anew, whatever dead session its client still names.
            if message.method == "initialize" { return .legacy(message, ours) }
            guard let resumed = resume(ours) else { return .settled(unknownSession(id: message.id)) }
            return .legacy(message, resumed)
        case .batch(let elements):
            guard let resumed = resume(exchange.speaking(.march2025)) else { return .settled(unknownSession(id: nil)) }
            guard resumed.revision <= .march2025 else {
                return .settled(
                    refuse(RPCError(.invalidRequest, "Batches exist in revision 2025-03-26 only."), .badRequest, id: nil))
            }
            return .batch(elements, resumed)
        case .invalid(let error, let id): return .settled(refuse(error, .badRequest, id: id))
        case .unsupportedHeader:
            return .settled(
                refuse(RPCError(.invalidRequest, "MCP-Protocol-Version names no revision served here."), .badRequest, id: nil))
        }
    }

    private func readModern(_ message: RPCMessage, _ exchange: Exchange) -> Reading {
        guard message.kind == .request, let id = message.id else { return .settled(Response(.accepted)) }
        do throws(RPCError) {
            let level = try checkEnvelope(message, exchange.request.fields)
            return .modern(message, id, level.map(exchange.logging) ?? exchange)
        } catch {
            return .settled(refuse(error, .badRequest, id: id))
        }
    }

    /// One HTTP request and who sent it. A class, because every step of an answer hands it on, and most keep it across a wait.
    final class Exchange: Sendable {
        let request: Request
        let caller: Principal?
        let context: RequestContext
        let revision: Revision
        /// Of a legacy client that showed one.
        let session: LegacySession?
        /// What the envelope of 2026-07-28 asks for.
        let logLevel: LogLevel?

        init(
            request: Request, caller: Principal?, context: RequestContext, revision: Revision = .july2026,
            session: LegacySession? = nil, logLevel: LogLevel? = nil
        ) {
            self.request = request
            self.caller = caller
            self.context = context
            self.revision = revision
            self.session = session
            self.logLevel = logLevel
        }

        func speaking(_ revision: Revision, in session: LegacySession? = nil) -> Exchange {
            Exchange(request: request, caller: caller, context: context, revision: revision, session: session, logLevel: logLevel)
        }

        func logging(at level: LogLevel) -> Exchange {
            Exchange(request: request, caller: caller, context: context, revision: revision, session: session, logLevel: level)
        }

        /// The same exchange for a client that reads no streams.
        var withoutStreams: Exchange {
            var request = request
            request.fields.remove(.accept)
            return Exchange(
                request: request, caller: caller, context: context, revision: revision, session: session, logLevel: logLevel)
        }

        /// True when the client reads event streams; an absent `Accept` or `*/*` promises only JSON.
        var acceptsStream: Bool {
            request.fields.all(.accept).contains { $0.utf8.count < 1024 && $0.lowercased().contains("text/event-stream") }
        }
    }

    // Out of line, as all that answers without a wait: what it makes then needs no room in the frames of those that do wait.
    @inline(never) func refuse(_ error: RPCError, _ status: Status, id: RPCID?) -> Response {
        Response(
            status, fields: [(.contentType, "application/json"), (.cacheControl, "no-store")],
            body: .bytes(RPCReply.error(error, id: id)))
    }

    @inline(never) func refuse(_ refusal: Refusal, id: RPCID?) -> Response {
        var response = refuse(refusal.error, refusal.status, id: id)
        response.fields.append(contentsOf: refusal.fields)
        response.events = refusal.events
        return response
    }

    @inline(never) func reply(_ result: JSONValue, id: RPCID) -> Response {
        Response(.ok, fields: Self.jsonFields, body: .bytes(RPCReply.result(result, id: id)))
    }

    /// Built once: what every JSON answer carries.
    static let jsonFields: Fields = [(.contentType, "application/json"), (.cacheControl, "no-store")]
}
