package import HTTP
internal import Primitives

/// `POST /token` (oauth.md §7): authenticates the client, then hands the form to the flow the grant type names.
package struct TokenEndpoint: Responder {
    private let server: AuthorizationServer
    private let codes: CodeGrant
    private let refreshes: RefreshGrant
    private let devices: DeviceGrant
    private let services: ClientCredentialsGrant
    /// Nil when no provider's assertions are accepted.
    private let assertions: AssertionGrant?

    /// - Parameter federation: providers whose identity assertions may be redeemed.
    package init(_ server: AuthorizationServer, federation: FederatedLogin? = nil) {
        let parser = AuthorizationParser(
            settings: server.settings, clients: server.resolver, pushed: server.pushedRequests, hasher: server.hasher)
        assertions =
            server.settings.acceptsAssertions
            ? federation.map { AssertionGrant(server: server, parser: parser, federation: $0) } : nil
        self.server = server
        codes = CodeGrant(settings: server.settings, grants: server.grants, hasher: server.hasher, issuer: server.issuer)
        refreshes = RefreshGrant(settings: server.settings, grants: server.grants, hasher: server.hasher, issuer: server.issuer)
        devices = DeviceGrant(server: server)
        services = ClientCredentialsGrant(server: server, parser: parser)
    }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else {
            return OAuthError.methodNotAllowed
        }
        let now = server.clock()
        do throws(OAuthError) {
            let form = try request.grantForm()
            let client: Client
            do throws(ClientAuthentication.Failure) {
                client = try await server.authentication.authenticate(request, form, in: context, at: now)
            } catch { return error.response }
            return try await redeem(form, client, request, context, at: now)
        } catch { return error.response() }
    }

    private func redeem(
        _ form: Parameters, _ client: Client, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        guard let type = form.all("grant_type").first else {
            throw OAuthError(.invalidRequest, "grant_type is missing.", rule: "TOK-3")
        }
        let mayUse = client.grantTypes.contains(type) || type == "refresh_token"
        guard mayUse || !Self.grantTypes.contains(type) else {
            throw OAuthError(.unauthorizedClient, "This client may not use this grant.", rule: "TOK-3")
        }
        var confirmation = try await server.proofs.confirmation(request, at: now)
        if confirmation == nil, client.authenticationMethod == .certificate, let shown = context.clientCertificate {
            confirmation = .certificate(digest: Base64.encode(shown.digest))  // RFC 8705 §3
        }
        let source = RequestSource(
            address: context.peer.description, userAgent: String((request.fields[.userAgent] ?? "").prefix(200)))
        switch type {
        case "authorization_code": return try await codes.redeem(form, client, confirmation, from: source, at: now)
        case "refresh_token": return try await refreshes.redeem(form, client, confirmation, from: source, at: now)
        case "client_credentials": return try await services.redeem(form, client, confirmation, at: now)
        case AssertionGrant.type:
            guard let assertions else {
                throw OAuthError(.unsupportedGrantType, "This grant type is not offered.", rule: "TOK-3")
            }
            return try await assertions.redeem(form, client, confirmation, at: now)
        case DeviceAuthorizationEndpoint.grantType: return try await devices.redeem(form, client, confirmation, at: now)
        default: throw OAuthError(.unsupportedGrantType, "This grant type is not offered.", rule: "TOK-3")
        }
    }

    /// What metadata advertises (META-3).
    static let grantTypes = ["authorization_code", "refresh_token", "client_credentials", DeviceAuthorizationEndpoint.grantType]
}

extension OAuthError {
    /// COM-2.
    static var methodNotAllowed: Response {
        Response.json(["error": "invalid_request", "error_description": "Use POST."], status: .methodNotAllowed)
            .uncached.with(.allow, "POST, OPTIONS")
    }
}

extension Request {
    /// The form of a token endpoint: nothing of it in the URL, nothing repeated but `resource` (COM-3 to COM-5).
    /// - Parameter repeatable: what may stand more than once.
    func grantForm(repeating repeatable: Set<String> = ["resource"]) throws(OAuthError) -> Parameters {
        guard (query ?? "").isEmpty else {
            throw OAuthError(.invalidRequest, "Send every parameter in the body, none in the URL.", rule: "COM-3")
        }
        let form: Parameters
        do { form = try self.form() } catch {
            let text = error == .mediaType ? "Send the body as application/x-www-form-urlencoded." : "The form cannot be read."
            throw OAuthError(.invalidRequest, text, rule: error == .mediaType ? "COM-4" : "COM-5")
        }
        guard form.firstRepeated(except: repeatable) == nil else {
            throw OAuthError(.invalidRequest, "A parameter is repeated.", rule: "COM-3")
        }
        return form
    }
}
