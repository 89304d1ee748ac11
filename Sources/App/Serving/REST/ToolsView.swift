import HTTP
import MCP
import OAuth
import Primitives

/// The tools as plain REST for people with `curl` (contract §3): GET lists, POST calls with a JSON object. Each request becomes the
/// MCP request it stands for and takes the same way, so that policy, limits and records are the same.
struct ToolsView: Sendable {
    /// Answers one request of an authenticated caller to an engine.
    /// - Parameter tool: nil lists.
    func respond(
        to request: Request, _ route: Gateway.EngineRoute, tool: String?, caller: Principal, in context: RequestContext
    ) async -> Response {
        switch (request.method, tool) {
        case (.get, nil), (.head, nil): return await list(route, caller, context).response
        case (.get, let name?), (.head, let name?): return await describe(name, route, caller, context)
        case (.post, let name?): return await call(name, request, route, caller, context)
        default:
            return Self.problem(.methodNotAllowed, "invalid_request", "Use GET.").with(.allow, tool == nil ? "GET" : "GET, POST")
        }
    }

    /// What `tools/list` shows the caller, all pages.
    func list(
        _ route: Gateway.EngineRoute, _ caller: Principal, _ context: RequestContext
    ) async -> (tools: [JSONValue]?, response: Response) {
        var tools: [JSONValue] = []
        var cursor: JSONValue?
        var events: [Event] = []
        for _ in 0..<64 {
            let answer = await ask(route, "tools/list", cursor.map { ["cursor": $0] } ?? [:], caller, context)
            events += answer.events
            guard let result = Self.result(of: answer) else { return (nil, Self.refusal(answer, isListing: true)) }
            tools += result["tools"]?.array ?? []
            cursor = result["nextCursor"]
            if cursor == nil { break }
        }
        var response = Response.json(["engine": .string(route.resource.engine), "tools": .array(tools)]).uncached
        response.events = events
        return (tools, response)
    }

    private func describe(
        _ name: String, _ route: Gateway.EngineRoute, _ caller: Principal, _ context: RequestContext
    ) async -> Response {
        let (tools, response) = await list(route, caller, context)
        guard let tools else { return response }
        guard let tool = tools.first(where: { $0["name"]?.string == name }) else { return Self.noSuchTool }
        var answer = Response.json(tool).uncached
        answer.events = response.events
        return answer
    }

    private func call(
        _ name: String, _ request: Request, _ route: Gateway.EngineRoute, _ caller: Principal, _ context: RequestContext
    ) async -> Response {
        guard request.body.isEmpty || MediaType(request.fields[.contentType])?.essence == "application/json" else {
            return Self.problem(
                .unsupportedMediaType, "invalid_request", "Send the arguments as a JSON object, with Content-Type application/json."
            )
        }
        let arguments: JSONValue
        do throws(JSONError) { arguments = request.body.isEmpty ? [:] : try JSONValue(parsing: request.body) } catch {
            return Self.problem(.badRequest, "invalid_request", "The body is not valid JSON.")
        }
        guard arguments.object != nil else {
            return Self.problem(.badRequest, "invalid_request", "The body must be a JSON object: the tool's arguments by name.")
        }
        let answer = await ask(route, "tools/call", ["name": .string(name), "arguments": arguments], caller, context)
        guard let result = Self.result(of: answer) else {
            // Which of name and arguments was wrong is looked up only when something was.
            if Self.error(of: answer)?["code"]?.int == RPCError.Code.invalidParams.rawValue,
                let tools = await list(route, caller, context).tools, !tools.contains(where: { $0["name"]?.string == name })
            {
                return Self.noSuchTool
            }
            return Self.refusal(answer, isListing: false)
        }
        var response = Response(.ok, fields: answer.fields, body: .bytes(result.serialized), events: answer.events)
        response.fields.remove(.mcpSessionID)
        return response
    }

    /// Puts one request to the engine's MCP endpoint: of the era that needs no envelope and no mirrored fields.
    private func ask(
        _ route: Gateway.EngineRoute, _ method: String, _ params: JSONValue, _ caller: Principal, _ context: RequestContext
    ) async -> Response {
        let message: JSONValue = ["jsonrpc": "2.0", "id": 1, "method": .string(method), "params": params]
        let fields: Fields = [(.contentType, "application/json"), (.mcpProtocolVersion, Revision.newestLegacy.rawValue)]
        let request = Request(method: .post, path: route.resource.path, fields: fields, body: message.serialized)
        return await route.endpoint.respond(to: request, caller: caller, in: context)
    }

    // MARK: Answers

    private static func body(of answer: Response) -> JSONValue? {
        guard case .bytes(let bytes) = answer.body else { return nil }
        return try? JSONValue(parsing: bytes)
    }

    private static func result(of answer: Response) -> JSONValue? {
        answer.status.code == 200 ? body(of: answer)?["result"] : nil
    }

    private static func error(of answer: Response) -> JSONValue? { body(of: answer)?["error"] }

    static let noSuchTool = problem(.notFound, "not_found", "There is no such tool, or none you may call.")

    /// An error of JSON-RPC in the words of HTTP. Fields such as `WWW-Authenticate` and `Retry-After` stay.
    private static func refusal(_ answer: Response, isListing: Bool) -> Response {
        let error = error(of: answer)
        let (status, word) = classify(answer.status, error)
        var response = problem(status, word, error?["message"]?.string ?? "The request was refused.", data: error?["data"])
        response.fields.append(contentsOf: answer.fields.without([.contentType, .cacheControl]))
        response.events = answer.events
        return response
    }

    private static func classify(_ status: Status, _ error: JSONValue?) -> (Status, String) {
        switch (status.code, error?["code"]?.int) {
        case (403, _): return (.forbidden, "forbidden")
        case (429, _): return (.tooManyRequests, "rate_limited")
        case (503, _): return (.serviceUnavailable, "unavailable")
        case (400..., _): return (status, "invalid_request")
        case (_, RPCError.Code.invalidParams.rawValue): return (.badRequest, "invalid_arguments")
        case (_, RPCError.Code.methodNotFound.rawValue): return (.notFound, "not_found")
        case (_, RPCError.Code.unavailable.rawValue):
            let reason = error?["data"]?["reason"]?.string ?? ""
            // What the caller can mend is no outage.
            return reason.hasPrefix("key_") ? (.conflict, reason) : (.serviceUnavailable, "unavailable")
        default: return (Status(502), "upstream_error")
        }
    }

    static func problem(_ status: Status, _ word: String, _ text: String, data: JSONValue? = nil) -> Response {
        var object: JSONObject = JSONObject([("error", .string(word)), ("error_description", .string(text))])
        if let data { object.append("data", data) }
        return Response.json(.object(object), status: status).uncached
    }
}

extension Fields {
    fileprivate func without(_ names: [FieldName]) -> Fields {
        var copy = self
        for name in names { copy.remove(name) }
        return copy
    }
}
