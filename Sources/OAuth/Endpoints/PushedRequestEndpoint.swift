package import HTTP
internal import Primitives

/// `POST /par` (RFC 9126): takes an authorization request from the client itself, every check of `/authorize` made at once.
package struct PushedRequestEndpoint: Responder {
    private let server: AuthorizationServer
    private let parser: AuthorizationParser

    package init(_ server: AuthorizationServer) {
        self.server = server
        parser = AuthorizationParser(
            settings: server.settings, clients: server.resolver, pushed: server.pushedRequests, hasher: server.hasher)
    }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else { return OAuthError.methodNotAllowed }
        let now = server.clock()
        do throws(OAuthError) {
            let form = try request.grantForm()
            let client = try await authenticate(request, form, context, at: now)
            switch client {
            case .failure(let failure): return failure.response
            case .success(let client): return await judge(form, client, at: now)
            }
        } catch { return error.response() }
    }

    /// A refusal is on record as one of `/authorize` would be.
    private func judge(_ form: Parameters, _ client: Client, at now: Timestamp) async -> Response {
        do throws(OAuthError) { return try await keep(form, client, at: now) } catch {
            guard error.code != .temporarilyUnavailable else { return error.response() }
            return error.response().recording(Event("authz.request.rejected", .denied, reason: error.rule, client: client.id))
        }
    }

    /// A metadata client may push before it was ever stored: its document is fetched as for `/authorize`.
    private func authenticate(
        _ request: Request, _ form: Parameters, _ context: RequestContext, at now: Timestamp
    ) async throws(OAuthError) -> Result<Client, ClientAuthentication.Failure> {
        if let id = form.all("client_id").first { _ = try await server.resolver.clientForAuthorization(ClientID(id), at: now) }
        do throws(ClientAuthentication.Failure) {
            return .success(try await server.authentication.authenticate(request, form, in: context, at: now))
        } catch { return .failure(error) }
    }

    private func keep(_ form: Parameters, _ client: Client, at now: Timestamp) async throws(OAuthError) -> Response {
        guard !form.contains("request_uri") else {
            throw OAuthError(.invalidRequest, "A pushed request holds no request_uri.", rule: "PAR")
        }
        guard let redirectURI = parser.redirectURI(form, client) else {
            throw OAuthError(.invalidRequest, "redirect_uri is not registered for this client.", rule: "AZ-3")
        }
        _ = try parser.validate(form, client, redirectURI, form.all("state").first)
        let value = PushedRequest.freshValue()
        do {
            try await server.pushedRequests.insert(
                server.hasher.digest(of: value), client: client.id, parameters: PushedRequest.text(of: form),
                expiresAt: now + OAuthSettings.pushedRequestLifetime)
        } catch { throw error.refusal }
        return Response.json(
            [
                "request_uri": .string(PushedRequest.prefix + value),
                "expires_in": .int(OAuthSettings.pushedRequestLifetime.components.seconds),
            ], status: .created
        ).uncached
    }
}
