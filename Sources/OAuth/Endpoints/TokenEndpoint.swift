package import HTTP
package import Primitives

/// `POST /token` (oauth.md §7): authenticates the client, then hands the form to the flow the grant type names.
package struct TokenEndpoint: Responder {
    private let authentication: ClientAuthentication
    private let codes: CodeGrant
    private let refreshes: RefreshGrant
    private let clock: @Sendable () -> Timestamp

    package init(
        settings: OAuthSettings, resolver: ClientResolver, grants: any GrantStore, hasher: TokenHasher,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        authentication = ClientAuthentication(clients: resolver, hasher: hasher)
        codes = CodeGrant(settings: settings, grants: grants, hasher: hasher)
        refreshes = RefreshGrant(settings: settings, grants: grants, hasher: hasher)
        self.clock = clock
    }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else {
            return OAuthError.methodNotAllowed
        }
        let now = clock()
        do throws(OAuthError) {
            let form = try request.grantForm()
            let client: Client
            do throws(ClientAuthentication.Failure) {
                client = try await authentication.authenticate(request, form, at: now)
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
        switch type {
        case "authorization_code", "refresh_token":
            guard client.grantTypes.contains(type) || type == "refresh_token" else {
                throw OAuthError(.unauthorizedClient, "This client may not use this grant.", rule: "TOK-3")
            }
            return type == "refresh_token"
                ? try await refreshes.redeem(form, client, request, from: context.peer, at: now)
                : try await codes.redeem(form, client, at: now)
        default: throw OAuthError(.unsupportedGrantType, "Use authorization_code or refresh_token.", rule: "TOK-3")
        }
    }
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
    func grantForm() throws(OAuthError) -> Parameters {
        guard (query ?? "").isEmpty else {
            throw OAuthError(.invalidRequest, "Send every parameter in the body, none in the URL.", rule: "COM-3")
        }
        let form: Parameters
        do { form = try self.form() } catch {
            let text = error == .mediaType ? "Send the body as application/x-www-form-urlencoded." : "The form cannot be read."
            throw OAuthError(.invalidRequest, text, rule: error == .mediaType ? "COM-4" : "COM-5")
        }
        guard form.firstRepeated(except: ["resource"]) == nil else {
            throw OAuthError(.invalidRequest, "A parameter is repeated.", rule: "COM-3")
        }
        return form
    }
}
