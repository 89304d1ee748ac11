internal import Crypto
package import HTTP
internal import Primitives

/// `POST /register` (RFC 7591; REG-1 to REG-7).
package struct RegistrationEndpoint: Responder {
    private let server: AuthorizationServer
    private var settings: OAuthSettings { server.settings }

    /// Never-used clients beyond this many give way, the oldest first (REG-2).
    static let unusedLimit = 1000

    package init(_ server: AuthorizationServer) { self.server = server }

    package func bodyLimit(for request: Request) -> Int { ClientRegistration.maximumBytes }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard settings.registration != .off else {
            return .json(["error": "not_found", "error_description": "Registration is switched off."], status: .notFound)
        }
        guard request.method == .post else {
            return Response.json(["error": "invalid_request", "error_description": "Use POST."], status: .methodNotAllowed)
                .with(.allow, "POST, OPTIONS")
        }
        do throws(OAuthError) {
            if settings.registration == .token { try await checkInitialAccess(request) }
            guard MediaType(request.fields[.contentType])?.essence == "application/json",
                let metadata = (try? JSONValue(parsing: request.body))?.object
            else { throw OAuthError(.invalidClientMetadata, "Send one JSON object as application/json.", rule: "REG-3") }
            return try await register(ClientRegistration(metadata, redirectSchemes: settings.redirectSchemes))
        } catch {
            var response = error.response()
            if error.code == .invalidToken { response.fields.append(.wwwAuthenticate, "Bearer error=\"invalid_token\"") }
            return response
        }
    }

    /// REG-1: an initial access token is a stored token of its own kind, issued by the administrator.
    private func checkInitialAccess(_ request: Request) async throws(OAuthError) {
        let refusal = OAuthError(.invalidToken, "A valid initial access token is required.", rule: "REG-1")
        guard let value = request.fields.single(.authorization), value.lowercased().hasPrefix("bearer ") else { throw refusal }
        let token = Array(value.utf8.dropFirst(7))
        guard TokenFormat.kind(of: token) == .initialAccess else { throw refusal }
        let facts: TokenFacts?
        do { facts = try await server.tokens.facts(of: server.hasher.digest(of: token)) } catch { throw error.refusal }
        guard let facts, facts.isActive, facts.expiresAt.map({ server.clock() < $0 }) ?? true else { throw refusal }
    }

    private func register(_ registration: ClientRegistration) async throws(OAuthError) -> Response {
        let now = server.clock()
        let secret = registration.usesSecret ? TokenFormat.mint(.clientSecret) : nil
        let token = TokenFormat.mint(.registration)
        var client = Client(
            id: ClientID("dyn-" + Random.text(22)), kind: .dynamic, name: registration.name,
            redirectURIs: registration.redirectURIs, authenticationMethod: registration.authenticationMethod,
            secretDigest: secret.map { server.hasher.digest(of: $0) }, grantTypes: registration.grantTypes, createdAt: now,
            expiresAt: now + OAuthSettings.unusedClientLifetime)
        client.keys = registration.keys
        client.registrationDigest = server.hasher.digest(of: token)
        do {
            try await server.clients.prune(at: now, unusedLimit: Self.unusedLimit - 1)
            try await server.clients.insert(client)
        } catch { throw error.refusal }
        var event = Event("client.registered", client: client.id)
        event.details = [
            ("kind", "dynamic"), ("redirects", .strings(client.redirectURIs.map(RedirectURI.displayHost))),
        ]
        return Response.json(
            Self.answer(client, secret: secret, token: token, issuer: settings.issuer), status: .created
        ).uncached.recording(event)
    }

    /// All effective values; absent members are left out, since `null` breaks clients.
    static func answer(_ client: Client, secret: Secret?, token: Secret?, issuer: String) -> JSONValue {
        var object = JSONObject()
        object.append("client_id", .string(client.id.text))
        object.append("client_id_issued_at", .int(client.createdAt.seconds))
        object.append("client_name", .string(client.name))
        object.append("redirect_uris", .strings(client.redirectURIs))
        object.append("grant_types", .strings(client.grantTypes))
        object.append("response_types", client.grantTypes.contains("authorization_code") ? ["code"] : [])
        object.append("token_endpoint_auth_method", .string(client.authenticationMethod.rawValue))
        switch client.keys {
        case .set(let set): object.append("jwks", set)
        case .uri(let uri): object.append("jwks_uri", .string(uri))
        case .subject, .alternativeName, nil: break
        }
        if let secret {
            object.append("client_secret", .string(secret.exposeText()))
            object.append("client_secret_expires_at", 0)
        }
        if let token { object.append("registration_access_token", .string(token.exposeText())) }
        object.append("registration_client_uri", .string(issuer + ClientManagementEndpoint.pathPrefix + client.id.text))
        return .object(object)
    }
}
