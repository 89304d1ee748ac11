internal import Crypto
package import HTTP
internal import Primitives

/// `POST /backchannel_logout/<provider>`: a provider says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0;
/// OP-7). Their sessions and grants here end. Nothing is told of who has an account.
package struct BackchannelLogoutEndpoint: Responder {
    package static let pathPrefix = "/backchannel_logout/"
    private static let event = "http://schemas.openid.net/event/backchannel-logout"

    private let server: AuthorizationServer
    private let federation: FederatedLogin

    package init(_ server: AuthorizationServer, federation: FederatedLogin) {
        self.server = server
        self.federation = federation
    }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else { return OAuthError.methodNotAllowed }
        guard let provider = federation.provider(named: String(request.path.dropFirst(Self.pathPrefix.count))) else {
            return Response.json(
                ["error": "not_found", "error_description": "There is no such provider."], status: .notFound
            ).uncached
        }
        let now = server.clock()
        do throws(OAuthError) {
            guard let token = try request.grantForm(repeating: []).all("logout_token").first else {
                throw OAuthError(.invalidRequest, "logout_token is missing.", rule: "OP-7")
            }
            return try await end(try await subject(of: token, provider, at: now), provider, at: now)
        } catch { return error.response() }
    }

    /// Whom the token signs out, once all of it is as it must be.
    private func subject(of token: String, _ provider: IdentityProvider, at now: Timestamp) async throws(OAuthError) -> String {
        do throws(IdentityToken.Refusal) {
            // A type of its own and no nonce: an ID token must not pass for it, nor it for an ID token.
            let claims = try await IdentityToken(directory: federation.directory)
                .signed(token, by: provider, types: ["logout+jwt"], at: now)
            let audiences = claims["aud"]?.string.map { [$0] } ?? claims["aud"]?.array?.compactMap(\.string) ?? []
            guard audiences.contains(provider.clientID) else { throw IdentityToken.Refusal(fault: "aud") }
            guard claims["nonce"] == nil else { throw IdentityToken.Refusal(fault: "nonce") }
            guard claims["events"]?[Self.event]?.object != nil else { throw IdentityToken.Refusal(fault: "events") }
            guard let id = claims["jti"]?.string, (1...255).contains(id.utf8.count), let expiry = claims["exp"]?.int,
                let subject = claims["sub"]?.string
            else { throw IdentityToken.Refusal(fault: "jti") }
            let digest = server.hasher.digest(of: "logout\u{0}\(provider.issuer)\u{0}\(id)")
            let end = Timestamp(seconds: Int64(expiry) + Int64(IdentityToken.skew))
            guard let isFirst = try? await server.singleUses.claim(digest, until: end, at: now) else {
                throw IdentityToken.Refusal(fault: "store")
            }
            guard isFirst else { throw IdentityToken.Refusal(fault: "replay") }
            return subject
        } catch {
            if error.fault == "store" { throw .unavailable }
            var event = Event("session.revoked", .denied, severity: .warning, reason: "OP-7 " + error.fault)
            event.details = [("idp", .string(provider.name))]
            throw OAuthError(.invalidRequest, "The logout token is not accepted.", rule: "OP-7", events: [event])
        }
    }

    private func end(_ subject: String, _ provider: IdentityProvider, at now: Timestamp) async throws(OAuthError) -> Response {
        let done = Response(.ok).uncached
        do throws(StoreError) {
            guard let id = try await federation.identities.user(issuer: provider.issuer, subject: subject),
                let user = try await server.users.user(id)
            else { return done }
            try await server.users.endSessionsAndGrants(of: id, at: now)
            var event = Event("session.revoked", reason: "OP-7", subject: user.name)
            event.details = [("by", "provider"), ("idp", .string(provider.name))]
            return done.recording(event)
        } catch { throw error.refusal }
    }
}
