internal import HTTP
internal import Primitives

/// Reads `/authorize` in the order of oauth.md §6: until client and redirect URI are proven, a refusal is a page of ours.
struct AuthorizationParser: Sendable {
    let settings: OAuthSettings
    let clients: ClientResolver
    let pushed: any PushedRequestStore
    let hasher: TokenHasher

    /// What came of it.
    enum Outcome: Sendable {
        case valid(AuthorizationRequest, Client, [Event])
        /// AZ-1 to AZ-4: never redirect.
        case local(Refusal)
        /// AZ-5 to AZ-12: may be told to the client (AZ-13).
        case redirectable(OAuthError, redirectURI: String, state: String?, client: Client)
        case unavailable
    }

    /// A refusal only the person at the browser sees.
    struct Refusal: Sendable {
        let text: String
        let rule: String
        var events: [Event] = []
    }

    func parse(_ parameters: Parameters, at now: Timestamp) async -> Outcome {
        let repeated = parameters.firstRepeated(except: ["resource"])
        if let repeated, ["client_id", "redirect_uri", "state", "request_uri"].contains(repeated) {
            return .local(Refusal(text: "The application sent a parameter twice.", rule: "AZ-4"))
        }
        guard let id = first("client_id", parameters) else {
            return .local(Refusal(text: "The application did not say who it is.", rule: "AZ-2"))
        }
        if let uri = first("request_uri", parameters) { return await parsePushed(uri, ClientID(id), at: now) }
        return await parse(parameters, id, repeated, isPushed: false, at: now)
    }

    /// AZ-1: of a request with `request_uri` only the client id counts; the rest is what was pushed.
    private func parsePushed(_ uri: String, _ client: ClientID, at now: Timestamp) async -> Outcome {
        let unknown = Outcome.local(
            Refusal(
                text: "The application used a request reference that was not issued here, was used before or has ended.",
                rule: "AZ-1"))
        guard let value = PushedRequest.value(of: uri) else { return unknown }
        do {
            guard let text = try await pushed.take(hasher.digest(of: value), client: client, at: now),
                let parameters = try? Parameters(parsing: text)
            else { return unknown }
            return await parse(parameters, client.text, nil, isPushed: true, at: now)
        } catch { return .unavailable }
    }

    private func parse(
        _ parameters: Parameters, _ id: String, _ repeated: String?, isPushed: Bool, at now: Timestamp
    ) async -> Outcome {
        let found: (client: Client?, events: [Event])
        do { found = try await clients.clientForAuthorization(ClientID(id), at: now) } catch { return .unavailable }
        guard let client = found.client else {
            return .local(
                Refusal(
                    text: "The application could not be verified. Remove the connection in the application and add it again.",
                    rule: "AZ-2", events: found.events))
        }
        guard let redirectURI = redirectURI(parameters, client) else {
            return .local(Refusal(text: "The application's return address is not the one it registered.", rule: "AZ-3"))
        }
        let state = first("state", parameters)
        do throws(OAuthError) {
            if client.requiresPushedRequests, !isPushed {
                throw OAuthError(.invalidRequest, "This client must push its requests first.", rule: "AZ-1")
            }
            if repeated != nil { throw OAuthError(.invalidRequest, "A parameter is repeated.", rule: "COM-3") }
            let request = try validate(parameters, client, redirectURI, state)
            return .valid(request, client, found.events)
        } catch {
            return .redirectable(
                error, redirectURI: redirectURI, state: state.flatMap { $0.utf8.count <= 2048 ? $0 : nil }, client: client)
        }
    }

    private func first(_ name: String, _ parameters: Parameters) -> String? { parameters.all(name).first }

    /// AZ-3: nil when it is none of the client's.
    func redirectURI(_ parameters: Parameters, _ client: Client) -> String? {
        guard let requested = first("redirect_uri", parameters) else {
            return client.redirectURIs.count == 1 ? client.redirectURIs[0] : nil
        }
        return client.redirectURIs.contains { RedirectURI.matches(requested, registered: $0) } ? requested : nil
    }

    /// AZ-5 to AZ-12.
    func validate(_ p: Parameters, _ client: Client, _ redirectURI: String, _ state: String?) throws(OAuthError)
        -> AuthorizationRequest
    {
        guard !p.contains("request") else {
            throw OAuthError(.requestNotSupported, "Request objects are not accepted.", rule: "AZ-5")
        }
        guard let responseType = first("response_type", p) else {
            throw OAuthError(.invalidRequest, "response_type is missing.", rule: "AZ-5")
        }
        guard responseType == "code" else { throw OAuthError(.unsupportedResponseType, "Use response_type=code.", rule: "AZ-5") }
        guard client.grantTypes.contains("authorization_code") else {
            throw OAuthError(.unauthorizedClient, "This client may not use the code grant.", rule: "AZ-5")
        }
        if let mode = first("response_mode", p), mode != "query" {
            throw OAuthError(.invalidRequest, "Only response_mode=query is offered.", rule: "AZ-6")
        }
        guard let challenge = first("code_challenge", p), PKCE.isChallenge(challenge),
            first("code_challenge_method", p) == "S256"
        else { throw OAuthError(.invalidRequest, "PKCE with code_challenge_method=S256 is required.", rule: "AZ-7") }
        if let state, state.utf8.count > 2048 { throw OAuthError(.invalidRequest, "state is longer than 2 KiB.", rule: "AZ-8") }
        let resource = try resource(p)
        var request = AuthorizationRequest(
            clientID: client.id, redirectURI: redirectURI, challenge: challenge,
            scopes: try scopes(first("scope", p), resource, client), resource: resource.url, state: state,
            prompt: try prompt(first("prompt", p)), loginHint: first("login_hint", p).map { String($0.prefix(128)) },
            maxAge: try maxAge(first("max_age", p)))
        request.isOffline = (first("scope", p) ?? "").split(separator: " ").contains("offline_access")
        request.dpopKey = try dpopKey(first("dpop_jkt", p))
        request.assurance = try assurance(first("acr_values", p))
        return request
    }

    /// AZ-9: the grammar of RFC 6749 §3.3; unknown words drop, nothing left is an error.
    func scopes(_ text: String?, _ resource: ProtectedResource, _ client: Client) throws(OAuthError) -> ScopeSet {
        let problem = OAuthError(.invalidScope, "No scope asked for is offered by this resource.", rule: "AZ-9")
        var asked = resource.baseline
        if let text {
            guard text.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x21 || (0x23...0x5B).contains($0) || (0x5D...0x7E).contains($0) })
            else { throw problem }
            let words = text.split(separator: " ").filter { $0 != "offline_access" }
            let known = words.compactMap { Scope($0) }.filter { resource.scopes.contains($0) }
            guard words.isEmpty || !known.isEmpty else { throw problem }
            if !words.isEmpty { asked = ScopeSet(known) }
        }
        guard let limit = client.scopeLimit else { return asked }
        let allowed = asked.scopes.compactMap { scope -> Scope? in
            limit.permission(for: scope.engine).map { Scope(engine: scope.engine, permission: min($0, scope.permission)) }
        }
        guard !allowed.isEmpty else { throw problem }
        return ScopeSet(allowed)
    }

    /// AZ-10, with contract §9: an absent resource means the default one.
    func resource(_ p: Parameters) throws(OAuthError) -> ProtectedResource {
        let named = p.all("resource")
        let problem = OAuthError(.invalidTarget, "The resource is not served here.", rule: "AZ-10")
        guard named.count <= 1 else { throw OAuthError(.invalidTarget, "Name one resource.", rule: "AZ-10") }
        guard let name = named.first else {
            guard let first = settings.resources.first else { throw problem }
            return first
        }
        guard let resource = settings.resource(named: name) else { throw problem }
        return resource
    }

    private func prompt(_ text: String?) throws(OAuthError) -> Set<AuthorizationRequest.Prompt> {
        guard let text else { return [] }
        var prompts: Set<AuthorizationRequest.Prompt> = []
        for word in text.split(separator: " ") {
            switch word {
            case "none": prompts.insert(.none)
            case "login", "select_account": prompts.insert(.login)
            case "consent": prompts.insert(.consent)
            default: throw OAuthError(.invalidRequest, "The prompt is not known.", rule: "AZ-11")
            }
        }
        guard !prompts.contains(.none) || prompts.count == 1 else {
            throw OAuthError(.invalidRequest, "prompt=none excludes every other prompt.", rule: "AZ-11")
        }
        return prompts
    }

    /// RFC 9449 §10: a thumbprint, 43 base64url characters (AZ-12).
    private func dpopKey(_ text: String?) throws(OAuthError) -> String? {
        guard let text else { return nil }
        guard PKCE.isChallenge(text) else { throw OAuthError(.invalidRequest, "dpop_jkt is no thumbprint.", rule: "AZ-12") }
        return text
    }

    /// The least of the values asked for that we know (AZ-11). A client that asks for others only would not get what it needs.
    private func assurance(_ text: String?) throws(OAuthError) -> Assurance? {
        guard let text else { return nil }
        let known = text.split(separator: " ").compactMap { Assurance(rawValue: String($0)) }
        guard let least = known.min() else {
            throw OAuthError(.unmetAuthenticationRequirements, "None of acr_values is offered.", rule: "AZ-11")
        }
        return least
    }

    private func maxAge(_ text: String?) throws(OAuthError) -> Int? {
        guard let text else { return nil }
        guard let seconds = Int(text), seconds >= 0 else {
            throw OAuthError(.invalidRequest, "max_age is no number.", rule: "AZ-11")
        }
        return seconds
    }
}
