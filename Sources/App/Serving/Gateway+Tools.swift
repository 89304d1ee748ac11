import HTTP
import OAuth
import Primitives

/// `/tools` and `/openapi.json`: the same tools as plain REST.
extension Gateway {
    static let openAPIPath = "/openapi.json"

    static func isToolsPath(_ path: String) -> Bool {
        path == ToolsAddress.root || path.hasPrefix(ToolsAddress.root + "/") || path == openAPIPath
    }

    func serveTools(_ request: Request, _ context: RequestContext) async -> Response {
        if request.method == .options { return origins.preflight(request) }
        guard origins.permits(request) else {
            return ToolsView.problem(.forbidden, "forbidden", "This origin is not allowed.")
                .recording(Event("origin.rejected", .denied, severity: .warning))
        }
        var response = request.path == Self.openAPIPath ? await describe(request, context) : await answerTools(request, context)
        origins.decorate(&response, for: request)
        return response
    }

    private func answerTools(_ request: Request, _ context: RequestContext) async -> Response {
        guard let address = ToolsAddress(request.path, engines: engines.map(\.resource.engine)) else { return ToolsView.noSuchTool }
        let named = address.engine.map { name in engines.first { $0.resource.engine == name } } ?? engines.first
        // A stranger learns nothing of which engines there are: the default's challenge comes first.
        guard let route = named ?? engines.first else { return ToolsView.noSuchTool }
        return await authenticated(request, route, context) { caller in
            guard named != nil else { return ToolsView.noSuchTool }
            let tool: String? = if case .tool(_, let name) = address { name } else { nil }
            return await ToolsView().respond(to: request, route, tool: tool, caller: caller, in: context)
        }
    }

    /// Whoever shows no credential sees the tools that come with the product; a caller sees what it may call.
    private func describe(_ request: Request, _ context: RequestContext) async -> Response {
        guard request.method == .get || request.method == .head else {
            return ToolsView.problem(.methodNotAllowed, "invalid_request", "Use GET.").with(.allow, "GET, HEAD")
        }
        guard let first = engines.first else { return ToolsView.noSuchTool }
        guard ResourceServer.hasCredential(request) else {
            var document = OpenAPIDocument(issuer: issuer)
            for route in engines where !route.publicTools.isEmpty {
                document.add(route.publicTools, engine: route.resource.engine, isDefault: route === first)
            }
            return .json(document.json)
        }
        return await authenticated(request, first, context) { caller in
            var document = OpenAPIDocument(issuer: issuer)
            var events: [Event] = []
            for route in engines where caller.resource == nil || caller.resource == route.resource.url {
                guard caller.permission(for: route.resource.engine) != nil else { continue }
                let (tools, response) = await ToolsView().list(route, caller, context)
                events += response.events
                document.add(tools ?? [], engine: route.resource.engine, isDefault: route === first)
            }
            var response = Response.json(document.json).uncached
            response.events = events
            return response
        }
    }

    private func authenticated(
        _ request: Request, _ route: EngineRoute, _ context: RequestContext, _ body: (Principal) async -> Response
    ) async -> Response {
        switch await resourceServer.authenticate(request, for: route.resource, in: context) {
        case .caller(let caller): return await body(caller)
        case .refused(let refusal, let isUnauthorized):
            guard isUnauthorized, let limit = addresses.charge(.unauthenticated, context.peer, at: context.received) else {
                return refusal
            }
            return tooMany(limit, request, context)
        }
    }
}
