package import Primitives

/// One question a handler has for the client: a form, a page to open, a completion of the client's model, its roots.
package struct InputRequest: Sendable, Hashable {
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    package let method: String
    package let params: JSONValue
    /// What a client must have declared to be asked.
    package let needs: ClientCapabilities

    private init(_ method: String, _ params: JSONValue, needs: ClientCapabilities) {
        self.method = method
        self.params = params
        self.needs = needs
    }

    /// - Parameter schema: a flat object of strings, numbers, booleans and choices; never for secrets (mcp.md §5).
    package static func form(_ message: String, schema: JSONValue) -> InputRequest {
        InputRequest(
            "elicitation/create", ["mode": "form", "message": .string(message), "requestedSchema": schema], needs: .elicitationForm)
    }

    /// - Parameters:
    ///   - url: https, not pre-authenticated, without personal data; its page verifies who is signed in.
    ///   - id: names this question towards legacy clients.
    package static func url(_ message: String, url: String, id: String) -> InputRequest {
        InputRequest(
            "elicitation/create",
            ["mode": "url", "message": .string(message), "url": .string(url), "elicitationId": .string(id)],
            needs: .elicitationURL)
    }

    /// Deprecated in the protocol; for the fixture and for bridging.
    package static func sampling(_ params: JSONValue) -> InputRequest {
        InputRequest("sampling/createMessage", params, needs: .sampling)
    }

    /// A question as another server asked it, such as one behind a proxy. Nil for a method no client is asked by.
    package init?(method: String, params: JSONValue) {
        switch method {
        case "elicitation/create":
            self.init(method, params, needs: params["mode"] == "url" ? .elicitationURL : .elicitationForm)
        case "sampling/createMessage": self.init(method, params, needs: .sampling)
        case "roots/list": self.init(method, params, needs: .roots)
        default: return nil
        }
    }

    package static let roots = InputRequest("roots/list", [:], needs: .roots)

    /// As an entry of `inputRequests`, where URL questions have no id (mcp.md §5).
    var embedded: JSONValue {
        guard var params = params.object, !params.isEmpty else { return ["method": .string(method)] }
        params["elicitationId"] = nil
        return ["method": .string(method), "params": .object(params)]
    }

    /// As a request of the server to a legacy client: before 2025-11-25 there is no `mode`.
    func request(id: Int, for revision: Revision) -> [UInt8] {
        var members = params.object ?? JSONObject()
        if revision < .november2025 { members["mode"] = nil }
        var object = JSONObject([("jsonrpc", "2.0"), ("id", .int(id)), ("method", .string(method))])
        if !members.isEmpty { object.append("params", .object(members)) }
        return JSONValue.object(object).serialized
    }
}

/// What a handler needs before it can go on. It is run again with the answers, in the same way in every era: as a new request
/// of a 2026-07-28 client, or after requests of ours over a legacy client's stream.
package struct InputNeed: Sendable {
    /// Keys are the handler's own and stable from round to round. Empty only where a state alone is handed round.
    package let requests: [(key: String, request: InputRequest)]
    /// The handler's notes for its next round, sealed on the way; nil needs none.
    package let state: JSONValue?
    /// The state works once only: for what spends or destroys.
    package let isSingleUse: Bool

    package init(_ requests: [(key: String, request: InputRequest)], state: JSONValue? = nil, isSingleUse: Bool = false) {
        self.requests = requests
        self.state = state
        self.isSingleUse = isSingleUse
    }

    var needs: ClientCapabilities { requests.reduce(into: []) { $0.formUnion($1.request.needs) } }
}
