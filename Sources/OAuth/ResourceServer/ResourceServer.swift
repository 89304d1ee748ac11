internal import Crypto
package import HTTP
package import Primitives

/// Turns the credential of a request into a `Principal`, or into the refusal its sender can act on (RS-3 to RS-6).
package struct ResourceServer: Sendable {
    private let settings: OAuthSettings
    private let tokens: any TokenStore
    private let hasher: TokenHasher
    private let cache: TokenCache
    private let proofs: ProofVerifier
    private let keyring: Keyring
    private let foreign: ForeignTokens?
    private let use: GrantUse?
    private let users: any UserStore
    private let clock: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - foreign: verifies JWTs of configured issuers; nil when there are none.
    ///   - use: is told which grants are used.
    package init(_ server: AuthorizationServer, cache: TokenCache, foreign: ForeignTokens? = nil, use: GrantUse? = nil) {
        settings = server.settings
        tokens = server.tokens
        hasher = server.hasher
        self.cache = cache
        proofs = server.proofs
        keyring = server.keyring
        self.foreign = foreign
        self.use = use
        users = server.users
        clock = server.clock
    }

    package enum Verdict: Sendable {
        case caller(Principal)
        /// Complete with status, challenge and events. `isUnauthorized` tells the limiter to charge the address.
        case refused(Response, isUnauthorized: Bool)
    }

    /// The verdict on a request whose token was verified lately, without waiting and so without the frames a wait needs. Nil for
    /// every other request: then `authenticate` has the verdict.
    package func recall(_ request: Request, for resource: ProtectedResource, in context: RequestContext) -> Verdict? {
        guard request.query == nil, case .token(let token) = Self.credential(request),
            let principal = cache.principal(hasher.digest(of: token), shard: context.loopIndex, at: context.received)
        else { return nil }
        return judge(principal, proven: nil, resource, at: clock())
    }

    /// Authenticates a request to one protected resource.
    package func authenticate(_ request: Request, for resource: ProtectedResource, in context: RequestContext) async -> Verdict {
        if request.query != nil, let query = try? Parameters(parsing: request.query), query.contains("access_token") {
            return .refused(
                OAuthError(.invalidRequest, "Send the token in the Authorization header only.", rule: "RS-3").response(),
                isUnauthorized: false)
        }
        switch Self.credential(request) {
        case .none:
            if settings.acceptsCertificates, !request.fields.contains(.authorization), let shown = context.clientCertificate {
                return await recognize(shown, resource, context)
            }
            return .refused(challenge(resource, error: nil), isUnauthorized: true)
        case .several:
            return .refused(OAuthError(.invalidRequest, "Send one credential.", rule: "RS-3").response(), isUnauthorized: false)
        case .token(let token): return await verify(token, nil, resource, context)
        case .proven(let token): return await verify(token, request, resource, context)
        }
    }

    /// Whether a principal admitted a while ago would still be: for streams that stay open (RS-12). Fails closed.
    package func stillStands(_ principal: Principal) async -> Bool {
        guard principal.isCurrent(at: clock()) else { return false }
        if principal.credential == .foreignToken || principal.credential == .certificate {
            guard let user = try? await users.user(principal.userID) else { return false }
            return !user.isDisabled
        }
        guard let facts = try? await tokens.facts(of: TokenDigest(bytes: principal.credentialDigest))
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
        /// With the `DPoP` scheme: a proof of the key must come along.
        case proven([UInt8])
    }

    private static func credential(_ request: Request) -> Credential {
        let authorizations = request.fields.count(of: .authorization)
        let keys = request.fields.count(of: .xAPIKey)
        guard authorizations + keys <= 1 else { return .several }
        if keys == 1 { return request.fields.withValue(of: .xAPIKey) { .token(Array($0)) } ?? .none }
        return request.fields.withValue(of: .authorization) { value -> Credential in
            if value.count > 7, value.prefix(7).elementsEqual("Bearer ".utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
                return .token(Array(value.dropFirst(7)))
            }
            guard value.count > 5, value.prefix(5).elementsEqual("DPoP ".utf8, by: { $0 | 0x20 == $1 | 0x20 }) else { return .none }
            return .proven(Array(value.dropFirst(5)))
        } ?? .none
    }

    /// - Parameter proven: the request, when it came with the `DPoP` scheme.
    private func verify(
        _ token: [UInt8], _ proven: Request?, _ resource: ProtectedResource, _ context: RequestContext
    ) async -> Verdict {
        guard token.count == TokenFormat.length else {
            return await verifyJWT(token, proven, resource, context)
        }
        let digest = hasher.digest(of: token)
        let now = clock()
        // A token in the cache has been through all that follows.
        if let principal = cache.principal(digest, shard: context.loopIndex, at: context.received) {
            return await judge(principal, token, proven, resource, context, at: now)
        }
        let kind = TokenFormat.kind(of: token)
        guard kind == .access || kind == .personal else { return refuse(resource, "format", nil) }
        return await look(up: digest, token, proven, resource, context, at: now) {
            kind == ($0.credential == .accessToken ? .access : .personal)
        }
    }

    /// The store's word on a token nobody remembers.
    @inline(never) private func look(
        up digest: TokenDigest, _ token: [UInt8], _ proven: Request?, _ resource: ProtectedResource, _ context: RequestContext,
        at now: Timestamp, _ isRightKind: (TokenFacts) -> Bool
    ) async -> Verdict {
        let epoch = cache.currentEpoch()
        let facts: TokenFacts?
        do { facts = try await tokens.facts(of: digest) } catch {
            return .refused(OAuthError.unavailable.response(), isUnauthorized: false)
        }
        guard let facts, facts.isActive, isRightKind(facts) else {
            return refuse(resource, facts == nil ? "unknown" : "revoked", digest)
        }
        let principal = Principal(
            userID: facts.user.id, username: facts.user.name, role: facts.user.role, scopes: facts.scopes, resource: facts.resource,
            credential: facts.credential, clientID: facts.clientID, grantID: facts.grantID, tokenReference: digest.reference,
            credentialDigest: digest.bytes, confirmation: facts.confirmation, assurance: facts.methods.assurance,
            authenticatedAt: facts.authenticatedAt, expiresAt: facts.expiresAt)
        if principal.isCurrent(at: now) {
            cache.keep(principal, digest, shard: context.loopIndex, epoch: epoch, at: context.received)
        }
        if let use, principal.grantID != nil, principal.resource == resource.url {
            await use.note(principal, from: context.peer, at: now, received: context.received)
        }
        return await judge(principal, token, proven, resource, context, at: now)
    }

    /// A JWT: ours by its signature, then by the store, so that revocation counts at once (FMT-4); or a configured issuer's.
    @inline(never) private func verifyJWT(
        _ token: [UInt8], _ proven: Request?, _ resource: ProtectedResource, _ context: RequestContext
    ) async -> Verdict {
        let text = String(decoding: token, as: UTF8.self)
        guard TokenFormat.looksLikeJWT(text) else { return refuse(resource, "format", nil) }
        let digest = hasher.digest(of: token)
        let now = clock()
        if let principal = cache.principal(digest, shard: context.loopIndex, at: context.received) {
            return await judge(principal, token, proven, resource, context, at: now)
        }
        if TokenIssuer.isOurs(text, keyring: keyring, settings: settings, resource: resource.url) {
            return await look(up: digest, token, proven, resource, context, at: now) { $0.credential == .accessToken }
        }
        guard let foreign else { return refuse(resource, "signature", nil) }
        let epoch = cache.currentEpoch()
        switch await foreign.principal(of: text, digest: digest, resource: resource, at: now) {
        case .refused(let reason): return refuse(resource, reason, digest)
        case .unavailable: return .refused(OAuthError.unavailable.response(), isUnauthorized: false)
        case .caller(let principal):
            cache.keep(principal, digest, shard: context.loopIndex, epoch: epoch, at: context.received)
            return await judge(principal, token, proven, resource, context, at: now)
        }
    }

    private func judge(
        _ principal: Principal, _ token: [UInt8], _ proven: Request?, _ resource: ProtectedResource, _ context: RequestContext,
        at now: Timestamp
    ) async -> Verdict {
        if let verdict = judge(principal, proven: proven, resource, at: now) { return verdict }
        return await prove(principal, token, proven, resource, context, at: now)
    }

    /// What is wrong with a known principal here, or that nothing is. Nil when the proof of a key is still to be judged.
    private func judge(_ principal: Principal, proven: Request?, _ resource: ProtectedResource, at now: Timestamp) -> Verdict? {
        guard principal.isCurrent(at: now) else { return refuse(resource, "expired", nil) }
        if let audience = principal.resource, audience != resource.url { return refuse(resource, "audience", nil) }
        if let needed = roleStepUp(principal, at: now) { return refuse(resource, needed) }
        return principal.confirmation == nil && proven == nil ? .caller(principal) : nil
    }

    /// RS-6: a bound token counts only with the proof of its key.
    @inline(never) private func prove(
        _ principal: Principal, _ token: [UInt8], _ proven: Request?, _ resource: ProtectedResource, _ context: RequestContext,
        at now: Timestamp
    ) async -> Verdict {
        switch principal.confirmation {
        case .certificate(let digest):
            guard proven == nil, let shown = context.clientCertificate?.digest, Base64.encode(shown) == digest else {
                return refuse(resource, "certificate", nil)
            }
            return .caller(principal)
        case .key(let thumbprint):
            guard let proven else { return refuse(resource, "bound token without proof", nil) }
            switch await proofs.verify(proven, token: token, at: now) {
            case .proven(let key) where key == thumbprint: return .caller(principal)
            case .unavailable: return .refused(OAuthError.unavailable.response(), isUnauthorized: false)
            case .refused(let reason): return refuseProof(resource, reason)
            case .absent, .proven: return refuseProof(resource, "key")
            }
        case nil: return refuse(resource, "unbound token with proof", nil)
        }
    }

    @inline(never) private func refuseProof(_ resource: ProtectedResource, _ reason: String) -> Verdict {
        let body: JSONValue = ["error": "invalid_dpop_proof", "error_description": "The DPoP proof is not valid for this request."]
        let algorithms = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: " ")
        let value =
            "DPoP error=\"invalid_dpop_proof\", algs=\"\(algorithms)\", resource_metadata=\"\(settings.issuer)"
            + "\(MetadataEndpoint.resourcePath)\(resource.path)\""
        let response = Response.json(body, status: .unauthorized).uncached.with(.wwwAuthenticate, value)
        let event = Event("dpop.rejected", .denied, severity: .warning, reason: reason, resource: resource.url)
        return .refused(response.recording(event), isUnauthorized: true)
    }

    /// A certificate without any other credential is its user: the common name is the user's name (contract §4).
    @inline(never) private func recognize(
        _ shown: ClientCertificate, _ resource: ProtectedResource, _ context: RequestContext
    ) async -> Verdict {
        let digest = TokenDigest(bytes: [0] + shown.digest)  // no credential of ours has pepper 0
        if let principal = cache.principal(digest, shard: context.loopIndex, at: context.received) { return .caller(principal) }
        let epoch = cache.currentEpoch()
        do throws(StoreError) {
            guard let name = shown.commonName, let user = try await users.user(named: name), !user.isDisabled else {
                return refuse(resource, "certificate", digest)
            }
            let principal = Principal(
                userID: user.id, username: user.name, role: user.role, scopes: ScopeSet(settings.resources.flatMap(\.scopes)),
                resource: nil,
                credential: .certificate, clientID: nil, grantID: nil, tokenReference: digest.reference,
                credentialDigest: digest.bytes, expiresAt: nil)
            cache.keep(principal, digest, shard: context.loopIndex, epoch: epoch, at: context.received)
            return .caller(principal)
        } catch { return .refused(OAuthError.unavailable.response(), isUnauthorized: false) }
    }

    /// What the caller's role asks of a sign-in and this one lacks (MFA-3). Grants older than the rule end here, and credentials
    /// nobody signed in for are no matter of it.
    private func roleStepUp(_ principal: Principal, at now: Timestamp) -> StepUp? {
        guard let least = settings.roleAssurance[principal.role], principal.authenticatedAt != nil else { return nil }
        let needed = StepUp(least)
        return needed.isMet(by: principal.assurance ?? .single, at: principal.authenticatedAt, now: now) ? nil : needed
    }

    @inline(never) private func refuse(_ resource: ProtectedResource, _ needed: StepUp) -> Verdict {
        let body: JSONValue = [
            "error": .string(Challenge.insufficientAuthentication), "error_description": "Sign in again with a stronger factor.",
        ]
        let response = Response.json(body, status: .unauthorized).uncached
            .with(.wwwAuthenticate, Challenge.stepUp(resource, settings, needed))
        return .refused(
            response.recording(Event("token.rejected", .denied, reason: "assurance", resource: resource.url)),
            isUnauthorized: true)
    }

    // Not inlined, as all refusals: an event is large, and would have room in the frame of every function that waits.
    @inline(never) private func refuse(_ resource: ProtectedResource, _ reason: String, _ digest: TokenDigest?) -> Verdict {
        var event = Event("token.rejected", .denied, reason: reason, resource: resource.url)
        event.tokenReference = digest?.reference
        return .refused(challenge(resource, error: "invalid_token").recording(event), isUnauthorized: true)
    }

    /// The challenge that leads a client to the authorization server (RFC 9728 §5.1; RS-4, RS-5).
    @inline(never) private func challenge(_ resource: ProtectedResource, error: String?) -> Response {
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

    package static let insufficientAuthentication = "insufficient_user_authentication"

    /// RFC 9470 §3: which sign-in would do.
    package static func stepUp(_ resource: ProtectedResource, _ settings: OAuthSettings, _ needed: StepUp) -> String {
        var text = bearer(
            resource, settings, error: insufficientAuthentication, scope: resource.baseline.description)
        text += ", error_description=\"A different sign-in is needed\", acr_values=\"\(needed.assurance.rawValue)\""
        if let age = needed.maximumAge { text += ", max_age=\"\(age.components.seconds)\"" }
        return text
    }
}

extension Principal {
    /// The credential has not expired.
    fileprivate func isCurrent(at now: Timestamp) -> Bool { expiresAt.map { now < $0 } ?? true }
}
