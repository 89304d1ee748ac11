package import HTTP
package import MCP
package import Primitives

/// One upstream as an MCP endpoint of ours: a whole server to the client, a whole client to the upstream, nothing spliced
/// (mcp.md §9). The caller is authenticated before; what a request may do is the gate's to say.
package struct ProxyEndpoint: Sendable {
    package let upstream: Upstream
    let gate: any Gate
    let sealer: Sealer
    let streams: StreamHub

    /// How long a call may run before its answer becomes an event stream.
    static let patience = Duration.seconds(1)

    package init(upstream: Upstream, gate: any Gate, sealer: Sealer, streams: StreamHub) {
        self.upstream = upstream
        self.gate = gate
        self.sealer = sealer
        self.streams = streams
    }

    /// Answers one request of an authenticated caller. Errors are always JSON-RPC bodies, never pages.
    package func respond(to request: Request, caller: Principal?, in context: RequestContext) async -> Response {
        guard let caller else { return refuse(RPCError(.forbidden, "Nobody is signed in."), .forbidden, id: nil) }
        let exchange = Exchange(request: request, caller: caller, context: context)
        guard request.fields.count(of: .mcpProtocolVersion) <= 1, request.fields.count(of: .mcpSessionID) <= 1 else {
            return refuse(RPCError(.headerMismatch, "MCP header fields must be sent once."), .badRequest, id: nil)
        }
        switch request.method {
        case .post: return await post(exchange)
        case .get where !exchange.hasModernHeader: return await resume(exchange)
        case .delete where !exchange.hasModernHeader: return await endSession(exchange)
        default:
            return refuse(RPCError(.invalidRequest, "Send JSON-RPC messages by POST."), .methodNotAllowed, id: nil)
                .with(.allow, "POST, OPTIONS")
        }
    }

    private func post(_ exchange: Exchange) async -> Response {
        let request = exchange.request
        guard
            request.fields.hasValue(.contentType, "application/json")
                || MediaType(request.fields[.contentType])?.essence == "application/json"
        else {
            return refuse(RPCError(.invalidRequest, "Content-Type must be application/json."), .unsupportedMediaType, id: nil)
        }
        guard let document = try? JSONDocument(parsing: request.body) else {
            return refuse(RPCError(.parseError, "The body is not valid JSON."), .badRequest, id: nil)
        }
        switch Classifier.classify(document.root, header: request.fields[.mcpProtocolVersion]) {
        case .modern(let message): return await answerModern(message, exchange)
        case .legacy(let message, let revision): return await answerLegacy(message, revision, document.root, exchange)
        case .batch(let elements): return await answerBatch(elements, exchange)
        case .invalid(let error, let id): return refuse(error, .badRequest, id: id?.value.serialized)
        case .unsupportedHeader:
            return refuse(RPCError(.invalidRequest, "MCP-Protocol-Version names no revision served here."), .badRequest, id: nil)
        }
    }

    /// One HTTP request and who sent it.
    struct Exchange: Sendable {
        var request: Request
        let caller: Principal
        let context: RequestContext

        /// True when the client reads event streams; an absent `Accept` or `*/*` promises only JSON.
        var acceptsStream: Bool {
            if request.fields.count(of: .accept) == 1 {
                if request.fields.hasValue(.accept, "application/json") { return false }
                if request.fields.hasValue(.accept, "application/json, text/event-stream") { return true }
            }
            return request.fields.all(.accept).contains { $0.utf8.count < 1024 && $0.lowercased().contains("text/event-stream") }
        }

        var hasModernHeader: Bool {
            request.fields[.mcpProtocolVersion].map { Revision(rawValue: $0).map(\.isModern) ?? ($0 > "2026") } ?? false
        }
    }

    // MARK: Admission

    enum Entry: Sendable {
        case admitted(AdmittedCall?)
        case refused(Response)
    }

    /// Judges a request: calls by their tool, everything that reads the upstream's data by the class `read`, lists by whether
    /// the caller may do anything here.
    func admit(_ message: RPCMessage, _ id: [UInt8], _ revision: Revision, _ exchange: Exchange) async -> Entry {
        let params = message.params
        let tool: Tool
        switch message.method {
        case "tools/call":
            guard let name = params?["name"]?.string else {
                return .refused(refuse(RPCError(.invalidParams, "params.name must be a string."), .ok, id: id))
            }
            guard params?["arguments"].map(\.isObject) ?? true else {
                return .refused(refuse(RPCError(.invalidParams, "params.arguments must be an object."), .ok, id: id))
            }
            await learn(name, exchange)
            tool = upstream.catalog.tool(name)
        case "resources/read", "prompts/get", "completion/complete", "resources/subscribe", "tasks/get":
            tool = Self.reading(message.method)
        case "tasks/update", "tasks/cancel": tool = Self.changing(message.method)
        case "resources/list", "resources/templates/list", "prompts/list":
            tool = Self.reading(message.method)
            // A list is no call: it counts against no limit and leaves no record, unless it is refused.
            if gate.isVisible(tool, to: exchange.caller) { return .admitted(nil) }
        default: return .admitted(nil)
        }
        let arguments = params?["arguments"].map { Array($0.rawBytes) } ?? Array("{}".utf8)
        let call = ToolCall(tool: tool, argumentBytes: arguments, caller: exchange.caller, revision: revision)
        switch await gate.admit(call, in: exchange.context) {
        case .refused(let refusal):
            var response = refuse(refusal.error, refusal.status, id: id)
            response.fields.append(contentsOf: refusal.fields)
            response.events = refusal.events
            return .refused(response)
        case .admitted(let fields):
            return .admitted(AdmittedCall(call, fields: fields, gate: gate, context: exchange.context))
        }
    }

    /// Looks at the upstream's list where a tool nobody described yet may be in it: for its claims, if those are trusted, and
    /// for the arguments it wants mirrored.
    private func learn(_ name: String, _ exchange: Exchange) async {
        let settings = upstream.settings
        guard settings.tools[name] == nil || upstream.cachedEra != .legacy, upstream.catalog.shouldRefresh(for: name, at: .now())
        else { return }
        await upstream.refreshCatalog(exchange.caller, RequestOrigin(exchange.context))
    }

    private static func reading(_ method: String) -> Tool {
        Tool(
            name: method, title: method, description: "", inputSchema: ["type": "object"],
            annotations: ToolAnnotations(readOnly: true), permission: .read
        ) { _, _ in .failure("This runs on its upstream server.") }
    }

    private static func changing(_ method: String) -> Tool {
        Tool(
            name: method, title: method, description: "", inputSchema: ["type": "object"], annotations: ToolAnnotations(),
            permission: .execute
        ) { _, _ in .failure("This runs on its upstream server.") }
    }

    // MARK: Answers

    func refuse(_ error: RPCError, _ status: Status, id: [UInt8]?) -> Response {
        let body = id.map { RawMessage.response(id: $0, "error", error.json.serialized) } ?? RPCReply.error(error, id: nil)
        return Response(status, fields: Self.jsonFields, body: .bytes(body))
    }

    func reply(_ result: RawObject, id: [UInt8]) -> Response {
        Response(.ok, fields: Self.jsonFields, body: .bytes(RawMessage.response(id: id, "result", result.serialized)))
    }

    static let jsonFields: Fields = [(.contentType, "application/json"), (.cacheControl, "no-store")]
}
