package import HTTP
internal import Primitives

/// `POST /introspect` (RFC 7662; IN-1), for clients an administrator allowed to ask.
package struct IntrospectionEndpoint: Responder {
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
            guard client.isIntrospector, client.isConfidential else {
                throw OAuthError(.invalidClient, "This client may not introspect tokens.", rule: "IN-1")
            }
            guard let token = form.all("token").first else { throw OAuthError(.invalidRequest, "token is missing.", rule: "IN-1") }
            return Response.json(try await describe(token, at: now)).uncached
        } catch { return error.response() }
    }

    private func describe(_ token: String, at now: Timestamp) async throws(OAuthError) -> JSONValue {
        let inactive: JSONValue = ["active": false]
        let digest = server.hasher.digest(of: token)
        do throws(StoreError) {
            if TokenFormat.kind(of: Array(token.utf8)) == .refresh {
                guard let record = try await server.grants.refreshToken(digest),
                    RefreshDecision.decide(record, grace: .zero, at: now) == .rotate,
                    let user = try await server.users.user(record.grant.userID)
                else { return inactive }
                return refresh(record, user)
            }
            guard let facts = try await server.tokens.facts(of: digest), facts.isActive,
                facts.expiresAt.map({ now < $0 }) ?? true
            else { return inactive }
            return access(facts, digest)
        } catch { throw error.refusal }
    }

    private func access(_ facts: TokenFacts, _ digest: TokenDigest) -> JSONValue {
        var answer = base(facts.user, scopes: facts.scopes, client: facts.clientID)
        if case .key = facts.confirmation { answer.append("token_type", "DPoP") } else { answer.append("token_type", "Bearer") }
        answer.append("iat", .int(facts.issuedAt.seconds))
        answer.append("nbf", .int(facts.issuedAt.seconds))
        if let expiry = facts.expiresAt { answer.append("exp", .int(expiry.seconds)) }
        answer.append("aud", facts.resource.map { .string($0) } ?? .strings(server.settings.resources.map(\.url)))
        answer.append("jti", .string(digest.reference))
        if let confirmation = facts.confirmation { answer.append("cnf", confirmation.json) }
        if let authenticated = facts.authenticatedAt { answer.append("auth_time", .int(authenticated.seconds)) }
        if let assurance = facts.methods.assurance { answer.append("acr", .string(assurance.rawValue)) }
        return .object(answer)
    }

    private func refresh(_ record: RefreshRecord, _ user: User) -> JSONValue {
        var answer = base(user, scopes: record.grant.scopes, client: record.grant.clientID)
        answer.append("token_type", "refresh_token")
        answer.append("exp", .int(record.expiresAt.seconds))
        answer.append("aud", .string(record.grant.resource))
        return .object(answer)
    }

    private func base(_ user: User, scopes: ScopeSet, client: ClientID?) -> JSONObject {
        var answer = JSONObject([("active", true), ("iss", .string(server.settings.issuer))])
        answer.append("sub", .string(user.id.text))
        answer.append("username", .string(user.name))
        answer.append("scope", .string(scopes.description))
        if let client { answer.append("client_id", .string(client.text)) }
        return answer
    }
}
