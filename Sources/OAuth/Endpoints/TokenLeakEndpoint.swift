package import HTTP
internal import Primitives

/// `POST /token-leak` (FMT-5): whoever found a token of ours somewhere hands it in, and what it opens ends. Having it is the proof:
/// nobody can end more than they could use. One answer for every well-formed report, so that it tells nothing of what is alive.
package struct TokenLeakEndpoint: Responder {
    /// Tokens in one report; scanners send several at once.
    static let maximumTokens = 20

    private let server: AuthorizationServer

    package init(_ server: AuthorizationServer) { self.server = server }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else { return OAuthError.methodNotAllowed }
        let now = server.clock()
        do throws(OAuthError) {
            let form = try request.grantForm(repeating: ["token"])
            let tokens = form.all("token")
            guard (1...Self.maximumTokens).contains(tokens.count) else {
                throw OAuthError(.invalidRequest, "Send 1 to 20 parameters named token.", rule: "FMT-5")
            }
            var events: [Event] = []
            do throws(StoreError) {
                for token in tokens {
                    if let event = try await end(token, at: now) { events.append(event) }
                }
            } catch {
                // What ended before the store failed is on record all the same.
                var refusal = error.refusal.response()
                refusal.events = events
                return refusal
            }
            var response = Response(.accepted).uncached
            response.events = events
            return response
        } catch { return error.response() }
    }

    /// Ends what the token belongs to: the whole grant, or the personal token itself. Nil when it opens nothing any more.
    private func end(_ token: String, at now: Timestamp) async throws(StoreError) -> Event? {
        guard let kind = TokenFormat.kind(of: Array(token.utf8)) ?? (TokenFormat.looksLikeJWT(token) ? .access : nil) else {
            return nil
        }
        let digest = server.hasher.digest(of: token)
        switch kind {
        case .refresh:
            guard let record = try await server.grants.refreshToken(digest),
                try await server.grants.revoke(record.grant.id, at: now)
            else { return nil }
            let user = try await server.users.user(record.grant.userID)
            return Self.event(user?.name, record.grant.clientID, record.grant.id, digest)
        case .access, .personal:
            guard let facts = try await server.tokens.facts(of: digest), facts.isActive else { return nil }
            let isEnded =
                if let grant = facts.grantID { try await server.grants.revoke(grant, at: now) } else {
                    try await server.tokens.revoke(digest, at: now)
                }
            return isEnded ? Self.event(facts.user.name, facts.clientID, facts.grantID, digest) : nil
        default: return nil
        }
    }

    private static func event(_ user: String?, _ client: ClientID?, _ grant: GrantID?, _ digest: TokenDigest) -> Event {
        Event(
            "token.leak.reported", severity: .critical, reason: "FMT-5", subject: user, client: client, grant: grant,
            tokenReference: digest.reference)
    }
}
