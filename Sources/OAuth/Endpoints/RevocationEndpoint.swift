package import HTTP
internal import Primitives

/// `POST /revoke` (RFC 7009; RV-1).
package struct RevocationEndpoint: Responder {
    private let server: AuthorizationServer

    package init(_ server: AuthorizationServer) { self.server = server }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else { return OAuthError.methodNotAllowed }
        let now = server.clock()
        do throws(OAuthError) {
            let form = try request.grantForm()
            let client: Client
            do throws(ClientAuthentication.Failure) {
                client = try await server.authentication.authenticate(request, form, in: context, at: now)
            } catch { return error.response }
            guard let token = form.all("token").first else { throw OAuthError(.invalidRequest, "token is missing.", rule: "RV-1") }
            let event = try await revoke(token, client, at: now)
            var response = Response(.ok).uncached
            if let event { response.events = [event] }
            return response
        } catch { return error.response() }
    }

    /// Nil when there was nothing to revoke, which the client is told as success (RFC 7009 §2.2).
    private func revoke(_ token: String, _ client: Client, at now: Timestamp) async throws(OAuthError) -> Event? {
        let digest = server.hasher.digest(of: token)
        do {
            switch TokenFormat.kind(of: Array(token.utf8)) ?? (TokenFormat.looksLikeJWT(token) ? .access : nil) {
            case .refresh:
                guard let record = try await server.grants.refreshToken(digest) else { return nil }
                guard record.grant.clientID == client.id else { throw Self.foreign(client) }
                guard try await server.grants.revoke(record.grant.id, at: now) else { return nil }
                return Event("grant.revoked", reason: "RV-1", client: client.id, grant: record.grant.id)
            case .access:
                guard let facts = try await server.tokens.facts(of: digest) else { return nil }
                guard facts.clientID == client.id else { throw Self.foreign(client) }
                guard try await server.tokens.revoke(digest, at: now) else { return nil }
                return Event(
                    "token.revoked", reason: "RV-1", subject: facts.user.name, client: client.id, grant: facts.grantID,
                    tokenReference: digest.reference)
            default: return nil
            }
        } catch let error as OAuthError { throw error } catch { throw .unavailable }
    }

    private static func foreign(_ client: Client) -> OAuthError {
        .invalidGrant("RV-1", events: [Event("token.revoked", .denied, severity: .warning, reason: "RV-1", client: client.id)])
    }
}
