package import HTTP
package import Primitives

/// Turns the credential of a request into a `Principal`, or into the refusal its sender can act on (RS-3 to RS-6).
package struct ResourceServer: Sendable {
    private let settings: OAuthSettings
    private let tokens: any TokenStore
    private let hasher: TokenHasher
    private let cache: TokenCache
    private let clock: @Sendable () -> Timestamp

    package init(
        settings: OAuthSettings, tokens: any TokenStore, hasher: TokenHasher, cache: TokenCache,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        self.settings = settings
        self.tokens = tokens
        self.hasher = hasher
        self.cache = cache
        self.clock = clock
    }

    package enum Verdict: Sendable {
        case caller(Principal)
        /// Complete with status, challenge and events. `isUnauthorized` tells the limiter to charge the address.
        case refused(Response, isUnauthorized: Bool)
    }

    /// Authenticates a request to one protected resource.
    package func authenticate(_ request: Request, for resource: ProtectedResource, in context: RequestContext) async -> Verdict {
        if request.query != nil, let query = try? Parameters(parsing: request.query), query.contains("access_token") {
            return .refused(
                OAuthError(.invalidRequest, "Send the token in the Authorization header only.", rule: "RS-3").response(),
                isUnauthorized: false)
        }
        switch Self.credential(request) {
        case .none: return .refused(challenge(resource, error: nil), isUnauthorized: true)
        case .several:
            return .refused(OAuthError(.invalidRequest, "Send one credential.", rule: "RS-3").response(), isUnauthorized: false)
        case .token(let token): return await verify(token, resource, context)
        }
    }

    /// Whether a principal admitted a while ago would still be: for streams that stay open (RS-12). Fails closed.
    package func stillStands(_ principal: Principal) async -> Bool {
        guard principal.isCurrent(at: clock()),
            let facts = try? await tokens.facts(of: TokenDigest(bytes: principal.credentialDigest))
        else { return false }
        return facts.isActive
    }

    /// Whether a request shows anything to authenticate with; says nothing of its worth.
    package static func hasCredential(_ request: Request) -> Bool {
        request.fields.contains(.authorization) || request.fields.contains(.xAPIKey)
    }

    private enum Credential {
        case none, several
        case token([UInt8])
    }

    private static func credential(_ request: Request) -> Credential {
        let authorizations = request.fields.count(of: .authorization)
        let keys = request.fields.count(of: .xAPIKey)
        guard authorizations + keys <= 1 else { return .several }
        if keys == 1 { return request.fields.withValue(of: .xAPIKey) { .token(Array($0)) } ?? .none }
        return request.fields.withValue(of: .authorization) { value -> Credential in
            guard value.count > 7, value.prefix(7).elementsEqual("Bearer ".utf8, by: { $0 | 0x20 == $1 | 0x20 }) else {
                return .none
            }
            return .token(Array(value.dropFirst(7)))
        } ?? .none
    }

    private func verify(_ token: [UInt8], _ resource: ProtectedResource, _ context: RequestContext) async -> Verdict {
        guard token.count == TokenFormat.length else { return refuse(resource, "format", nil) }
        let digest = hasher.digest(of: token)
        let now = clock()
        // A token in the cache has been through all that follows.
        if let principal = cache.principal(digest, shard: context.loopIndex, at: context.received) {
            return judge(principal, resource, at: now)
        }
        let kind = TokenFormat.kind(of: token)
        guard kind == .access || kind == .personal else { return refuse(resource, "format", nil) }
        let epoch = cache.currentEpoch()
        let facts: TokenFacts?
        do { facts = try await tokens.facts(of: digest) } catch {
            return .refused(OAuthError.unavailable.response(), isUnauthorized: false)
        }
        guard let facts, facts.isActive, kind == (facts.credential == .accessToken ? .access : .personal) else {
            return refuse(resource, facts == nil ? "unknown" : "revoked", digest)
        }
        let principal = Principal(
            userID: facts.user.id, username: facts.user.name, role: facts.user.role, scopes: facts.scopes, resource: facts.resource,
            credential: facts.credential, clientID: facts.clientID, grantID: facts.grantID, tokenReference: digest.reference,
            credentialDigest: digest.bytes, expiresAt: facts.expiresAt)
        if principal.isCurrent(at: now) {
            cache.keep(principal, digest, shard: context.loopIndex, epoch: epoch, at: context.received)
        }
        return judge(principal, resource, at: now)
    }

    private func judge(_ principal: Principal, _ resource: ProtectedResource, at now: Timestamp) -> Verdict {
        guard principal.isCurrent(at: now) else { return refuse(resource, "expired", nil) }
        if let audience = principal.resource, audience != resource.url { return refuse(resource, "audience", nil) }
        return .caller(principal)
    }

    private func refuse(_ resource: ProtectedResource, _ reason: String, _ digest: TokenDigest?) -> Verdict {
        var event = Event("token.rejected", .denied, reason: reason, resource: resource.url)
        event.tokenReference = digest?.reference
        return .refused(challenge(resource, error: "invalid_token").recording(event), isUnauthorized: true)
    }

    /// The challenge that leads a client to the authorization server (RFC 9728 §5.1; RS-4, RS-5).
    private func challenge(_ resource: ProtectedResource, error: String?) -> Response {
        let description = error == nil ? "Authentication is required." : "The token is not valid here. Sign in again."
        let body: JSONValue = ["error": .string(error ?? "unauthorized"), "error_description": .string(description)]
        return Response.json(body, status: .unauthorized).uncached
            .with(.wwwAuthenticate, Challenge.bearer(resource, settings, error: error, scope: resource.baseline.description))
    }
}

/// `WWW-Authenticate` values: one header, quoted values, an absolute URL.
package enum Challenge {
    package static func bearer(_ resource: ProtectedResource, _ settings: OAuthSettings, error: String?, scope: String?) -> String {
        var text = "Bearer "
        if let error { text += "error=\"\(error)\", " }
        text += "resource_metadata=\"\(settings.issuer)\(MetadataEndpoint.resourcePath)\(resource.path)\""
        if let scope { text += ", scope=\"\(scope)\"" }
        return text
    }
}

extension Principal {
    /// The credential has not expired.
    fileprivate func isCurrent(at now: Timestamp) -> Bool { expiresAt.map { now < $0 } ?? true }
}
