import Audit
import HTTP
import MCP
import OAuth
import Primitives

/// The outermost responder: what every request passes, in order, and which room it is led to. The one place that knows the
/// whole chain, so it is also where events become audit records.
struct Gateway: Responder {
    let hosts: HostCheck
    let origins: CrossOrigin
    let addresses: AddressLimits
    let auditor: Auditor
    let pages: Pages
    let metadata: MetadataEndpoint
    let authorization: AuthorizationRoutes
    let flow: AuthorizationFlow
    let traces: FlowTraces
    let device: DeviceFlow
    let account: AccountEndpoint
    let administration: AdministrationEndpoint
    let resourceServer: ResourceServer
    let engines: [EngineRoute]
    let bodyLimit: Int
    let issuer: String
    var requests: RequestMetrics?
    /// Nil while no traces are sent.
    var tracer: RequestTracer?

    /// One MCP endpoint with its resource.
    final class EngineRoute: Sendable {
        let resource: ProtectedResource
        let endpoint: any EngineEndpoint
        /// What anyone may read of its tools; those of other servers are for their callers.
        let publicTools: [JSONValue]
        /// What a consent page may name of them (CON-1).
        let tools: [(name: String, permission: Permission)]
        let metric: RequestMetrics.Route

        init(
            resource: ProtectedResource, endpoint: any EngineEndpoint, publicTools: [JSONValue] = [],
            tools: [(name: String, permission: Permission)] = []
        ) {
            self.tools = tools
            self.resource = resource
            self.endpoint = endpoint
            self.publicTools = publicTools
            metric = endpoint is MCPEndpoint ? .mcp : .upstream
        }
    }

    private static let health = Response(
        .ok, fields: [(.contentType, "application/json"), (.cacheControl, "no-store")],
        body: .bytes(Array("{\"status\":\"ok\"}".utf8)))
    /// The largest body of a request to an MCP endpoint without a credential, in bytes.
    private static let strangerLimit = 64 * 1024

    func bodyLimit(for request: Request) -> Int {
        if engine(at: request.path) != nil || Self.isToolsPath(request.path) {
            // Whoever shows no credential gets a challenge; megabytes are not held for that.
            return ResourceServer.hasCredential(request) ? bodyLimit : min(bodyLimit, Self.strangerLimit)
        }
        switch request.path {
        case "/authorize", "/login", "/consent", "/account", "/device", "/invite": return AuthorizationFlow.bodyLimit
        case _ where AdministrationEndpoint.paths.contains(request.path): return AuthorizationFlow.bodyLimit
        default: return authorization.endpoint(at: request.path)?.responder.bodyLimit(for: request) ?? 0
        }
    }

    func respondAtOnce(to request: Request, in context: RequestContext) -> Response? {
        request.path == "/health" && request.isRead ? Self.health : nil
    }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        if request.path == "/health" { return request.isRead ? Self.health : notAllowed("GET, HEAD", context) }
        var response = await admit(request, context)
        conclude(&response, request, context)
        return response.events.isEmpty ? response : await record(response, request, context)
    }

    @inline(never) private func record(
        _ response: consuming Response, _ request: Request, _ context: RequestContext
    ) async -> Response {
        let record = AuditContext(
            requestID: context.requestID, source: context.peer, userAgent: request.fields[.userAgent],
            method: request.method.rawValue, route: route(of: request.path), status: Int(response.status.code))
        guard await auditor.record(response.events, record) else { return unrecorded(context) }
        response.events = []
        response.fields.set(.xRequestID, context.requestID.text)
        return response
    }

    /// What needs no wait, and so no frame of its own: each asynchronous layer costs memory for as long as a stream is held.
    @inline(never) private func conclude(_ response: inout Response, _ request: Request, _ context: RequestContext) {
        trace(request, &response, context)
        // Whoever asks for help can name the request (COM-7).
        if response.status.code >= 400 { response.fields.set(.xRequestID, context.requestID.text) }
        requests?.record(metricRoute(of: request.path), Int(response.status.code), response.events, context)
        tracer?.record(request, route: route(of: request.path), status: Int(response.status.code), context)
    }

    /// Steps of a connection before anybody is known, each recorded once (mcp.md §8.1).
    private func trace(_ request: Request, _ response: inout Response, _ context: RequestContext) {
        guard response.status.code != 200 || request.path.hasPrefix("/.well-known/") else { return }
        let step: String
        switch (request.path, response.status.code) {
        case ("/register", 201):
            guard let place = response.events.firstIndex(where: { $0.name == "client.registered" }),
                let client = response.events[place].client,
                let id = traces.bind(client, from: context.peer, at: context.received)
            else { return }
            response.events[place].details.append(("flow", .string(id)))
            return
        case ("/register", 400...499): step = "registration refused"
        case (let path, 200) where path.hasPrefix("/.well-known/oauth-protected-resource"): step = "resource metadata"
        case (let path, 200) where path.hasPrefix("/.well-known/oauth-authorization-server"): step = "server metadata"
        case (let path, 401) where !ResourceServer.hasCredential(request) && engine(at: path) != nil: step = "challenge"
        default: return
        }
        if let event = traces.step(step, from: context.peer, at: context.received) { response.events.append(event) }
    }

    private func admit(_ request: Request, _ context: RequestContext) async -> Response {
        if let limit = addresses.charge(.address, context.peer, at: context.received) {
            return readable(tooMany(limit, request, context), request)
        }
        guard hosts.accepts(request) else { return refuseHost(request, context) }
        if let engine = engine(at: request.path) { return await serve(engine, request, context) }
        if Self.isToolsPath(request.path) { return await serveTools(request, context) }
        return await serveRoutes(request, context)
    }

    @inline(never) private func refuseHost(_ request: Request, _ context: RequestContext) -> Response {
        let answer = readable(problem(.misdirectedRequest, "This host name is not served here.", context), request)
        guard addresses.isWorthNoting("host", context.peer, at: context.received) else { return answer }
        return answer.recording(Event("http.malformed", .denied, reason: "host"))
    }

    /// What is refused before routing, where the route's answers are for other origins too (COM-8).
    @inline(never) private func readable(_ response: Response, _ request: Request) -> Response {
        let path = request.path
        guard
            engine(at: path) != nil || Self.isToolsPath(path) || authorization.endpoint(at: path) != nil
                || path.hasPrefix("/.well-known/")
        else { return response }
        var response = response
        origins.decorate(&response, for: request)
        return response
    }

    @inline(never) private func serveRoutes(_ request: Request, _ context: RequestContext) async -> Response {
        switch request.path {
        case "/": return request.isRead ? pages.home(mcpURL: engines.first?.resource.url ?? "") : notAllowed("GET, HEAD", context)
        case "/authorize": return await limited(.authorize, request, context) { await flow.authorize(request, in: context) }
        case "/login": return await login(request, context)
        case "/consent":
            return request.method == .post
                ? await flow.decide(request, in: context)
                : request.isRead ? await flow.showConsent(request, in: context) : notAllowed("GET, POST", context)
        case let path where path.hasPrefix("/login/"):
            return await limited(.authorize, request, context) {
                await flow.beginFederation(String(path.dropFirst("/login/".count)), request, in: context)
            }
        case let path where path.hasPrefix("/callback/"):
            return await limited(.login, request, context) {
                await flow.finishFederation(String(path.dropFirst("/callback/".count)), request, in: context)
            }
        case "/account": return await account.respond(to: request, in: context)
        case _ where AdministrationEndpoint.paths.contains(request.path):
            return await administration.respond(to: request, in: context)
        case "/invite":
            guard request.isRead || request.method == .post else { return notAllowed("GET, POST", context) }
            return await limited(.login, request, context) { await account.acceptInvitation(request, in: context) }
        case "/device": return await limited(.authorize, request, context) { await connectDevice(request, context) }
        case PageFrame.stylesheetPath: return await AssetResponder.stylesheet.respond(to: request, in: context)
        case PageFrame.scriptPath: return await AssetResponder.script.respond(to: request, in: context)
        default:
            if let (endpoint, limit) = authorization.endpoint(at: request.path) {
                return await shared(request, context, limit) { await endpoint.respond(to: request, in: context) }
            }
            guard request.path.hasPrefix("/.well-known/") else {
                return problem(.notFound, "There is nothing at this address.", context)
            }
            return await shared(request, context, nil) { await metadata.respond(to: request, in: context) }
        }
    }

    @inline(never) private func connectDevice(_ request: Request, _ context: RequestContext) async -> Response {
        guard request.isRead || request.method == .post else { return notAllowed("GET, POST", context) }
        switch await device.respond(to: request, in: context) {
        case .page(let response): return response
        case .signIn(let code): return AuthorizationFlow.redirect(to: account.signInURL(forDevice: code))
        case .refused: return account.refuseForm(context)
        case .unavailable: return account.busy(context)
        }
    }

    @inline(never) private func login(_ request: Request, _ context: RequestContext) async -> Response {
        guard request.method == .post else {
            return request.isRead ? await account.showSignIn(request, in: context) : notAllowed("GET, POST", context)
        }
        return await limited(.login, request, context) {
            let hasTransaction = (try? request.form())?.contains("transaction") ?? false
            return hasTransaction ? await flow.signIn(request, in: context) : await account.signIn(request, in: context)
        }
    }

    private func engine(at path: String) -> EngineRoute? {
        engines.first { path == $0.resource.path || (path.hasSuffix("/") && path.dropLast() == $0.resource.path) }
    }

    /// The order of mcp.md §2: preflight, origin, credential, then the endpoint with its gate.
    @inline(never) private func serve(_ engine: EngineRoute, _ request: Request, _ context: RequestContext) async -> Response {
        if request.method == .options { return origins.preflight(request) }
        guard origins.permits(request) else { return refuseOrigin(request) }
        let verdict =
            if let known = resourceServer.recall(request, for: engine.resource, in: context) { known } else {
                await resourceServer.authenticate(request, for: engine.resource, in: context)
            }
        var response: Response
        switch verdict {
        case .caller(let caller): response = await engine.endpoint.respond(to: request, caller: caller, in: context)
        case .refused(let refusal, let isUnauthorized):
            response = refusal
            // Failures are always charged to the address (RL-2).
            if isUnauthorized, let limit = addresses.charge(.unauthenticated, context.peer, at: context.received) {
                response = tooMany(limit, request, context)
            }
        }
        origins.decorate(&response, for: request)
        return response
    }

    @inline(never) private func refuseOrigin(_ request: Request) -> Response {
        let answer = Response.json(
            ["jsonrpc": "2.0", "error": ["code": -32600, "message": "This origin is not allowed."]], status: .forbidden)
        return readable(answer, request).recording(Event("origin.rejected", .denied, severity: .warning))
    }

    /// A route other origins may call: preflight, limit, CORS.
    @inline(never) private func shared(
        _ request: Request, _ context: RequestContext, _ kind: AddressLimits.Kind?, _ body: () async -> Response
    ) async -> Response {
        if request.method == .options { return origins.preflight(request) }
        var response = if let kind { await limited(kind, request, context, body) } else { await body() }
        origins.decorate(&response, for: request)
        return response
    }

    @inline(never) private func limited(
        _ kind: AddressLimits.Kind, _ request: Request, _ context: RequestContext, _ body: () async -> Response
    ) async -> Response {
        if let limit = addresses.charge(kind, context.peer, at: context.received) { return tooMany(limit, request, context) }
        return await body()
    }
}

// MARK: - Refusals

extension Gateway {
    /// RL-5: each kind of route in its own words.
    @inline(never) func tooMany(_ limit: AddressLimits.Exceeded, _ request: Request, _ context: RequestContext) -> Response {
        let seconds = max(1, limit.wait.secondsRoundedUp)
        var event = Event("ratelimit.exceeded", .denied)
        event.policy = "limit.address"
        var answer = tooManyBody(seconds, limit.kind, request, context).with(.retryAfter, "\(seconds)")
        limit.describe(in: &answer)
        return addresses.isWorthNoting("limit.address", context.peer, at: context.received) ? answer.recording(event) : answer
    }

    private func tooManyBody(
        _ seconds: Int64, _ kind: AddressLimits.Kind, _ request: Request, _ context: RequestContext
    ) -> Response {
        if engine(at: request.path) != nil {
            let error: JSONValue = [
                "code": 4290, "message": "Too many requests. Wait, then try again.", "data": ["retryAfter": .int(seconds)],
            ]
            return .json(
                ["jsonrpc": "2.0", "id": Self.requestID(in: request), "error": error], status: .tooManyRequests)
        }
        switch request.path {
        case _ where AuthorizationRoutes.route(of: request.path) != nil:
            return .json(
                ["error": "temporarily_unavailable", "error_description": "Too many requests. Wait, then try again."],
                status: .tooManyRequests)
        case "/authorize", "/login", "/consent", "/account", "/device", "/invite":
            return pages.refusal(
                RefusalPage(
                    title: "Too many requests", text: "Wait \(seconds) seconds, then reload this page.",
                    requestID: context.requestID,
                    status: .tooManyRequests))
        default:
            var response = Response.json(
                [
                    "type": "https://iana.org/assignments/http-problem-types#quota-exceeded", "title": "Too many requests",
                    "status": 429, "violated-policies": [.string(kind.rawValue)],
                ], status: .tooManyRequests)
            response.fields.set(.contentType, "application/problem+json")
            return response
        }
    }

    /// Which call a refusal answers. Only small bodies are looked into: refusing must stay cheap.
    private static func requestID(in request: Request) -> JSONValue {
        guard request.body.count <= 4096, let body = try? JSONValue(parsing: request.body) else { return .null }
        switch body["id"] {
        case .string(let text)?: return .string(text)
        case let id? where id.int != nil: return id
        default: return .null
        }
    }

    @inline(never) private func problem(_ status: Status, _ detail: String, _ context: RequestContext) -> Response {
        Response.json(
            ["error": .string(status == .notFound ? "not_found" : "refused"), "error_description": .string(detail)], status: status
        )
        .with(.xRequestID, context.requestID.text)
    }

    @inline(never) private func notAllowed(_ methods: String, _ context: RequestContext) -> Response {
        problem(.methodNotAllowed, "Use \(methods).", context).with(.allow, methods)
    }

    @inline(never) private func unrecorded(_ context: RequestContext) -> Response {
        problem(.serviceUnavailable, "The audit log cannot be written, so the answer is withheld.", context).with(.retryAfter, "5")
    }

    /// The route under which a request is counted.
    private func metricRoute(of path: String) -> RequestMetrics.Route {
        if let engine = engine(at: path) { return engine.metric }
        switch path {
        case "/token": return .token
        case "/": return .home
        case "/authorize": return .authorize
        case "/login": return .login
        case "/consent": return .consent
        case "/account": return .account
        case "/device": return .device
        case "/invite": return .invite
        case _ where AdministrationEndpoint.paths.contains(path): return .admin
        case "/register": return .register
        case "/revoke": return .revoke
        case "/introspect": return .introspect
        case "/par": return .par
        case "/device_authorization": return .deviceAuthorization
        case "/jwks.json": return .jwks
        default:
            if path.hasPrefix("/.well-known/") { return .metadata }
            if Self.isToolsPath(path) { return .tools }
            if path.hasPrefix("/register/") { return .register }
            return path.hasPrefix("/login/") || path.hasPrefix("/callback/") ? .login : .other
        }
    }

    /// Only routes of ours go into the log: a stranger's path is input.
    private func route(of path: String) -> String {
        if let engine = engine(at: path) { return engine.resource.path }
        let known = ["/", "/authorize", "/login", "/consent", "/account", "/device", "/invite"] + AdministrationEndpoint.paths
        if let route = AuthorizationRoutes.route(of: path) { return route }
        if known.contains(path) { return path }
        if Self.isToolsPath(path) { return path == Self.openAPIPath ? path : ToolsAddress.root }
        return path.hasPrefix("/.well-known/") ? "/.well-known" : "other"
    }
}

extension Request {
    var isRead: Bool { method == .get || method == .head }
}
