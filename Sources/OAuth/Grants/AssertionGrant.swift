internal import Crypto
internal import HTTP
internal import Primitives

/// `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` with an identity assertion of a configured provider (ID-JAG; JAG-1).
struct AssertionGrant: Sendable {
    static let type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    static let profile = "urn:ietf:params:oauth:grant-profile:id-jag"

    let server: AuthorizationServer
    let parser: AuthorizationParser
    let federation: FederatedLogin

    func redeem(
        _ form: Parameters, _ client: Client, _ confirmation: Confirmation?, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        guard let assertion = form.all("assertion").first else {
            throw OAuthError(.invalidRequest, "assertion is missing.", rule: "JAG-1")
        }
        guard client.isConfidential else {
            throw OAuthError(.unauthorizedClient, "Only clients that prove themselves may present assertions.", rule: "JAG-1")
        }
        guard let name = (try? JSONWebSignature(compact: assertion))?.payload["iss"]?.string,
            let provider = federation.providers.first(where: { $0.issuer == name && $0.acceptsAssertions })
        else { throw Self.refused(client, "iss") }
        let claims: JSONObject
        do throws(IdentityToken.Refusal) {
            claims = try await IdentityToken(directory: federation.directory)
                .signed(assertion, by: provider, types: ["oauth-id-jag+jwt"], at: now)
        } catch { throw Self.refused(client, error.fault) }
        if let fault = fault(of: claims, client, confirmation, at: now) { throw Self.refused(client, fault) }
        // What a sign-in must show, an assertion must show too: nobody comes in by the other door (OP-5).
        if let fault = provider.demands.fault(in: claims) { throw Self.refused(client, fault) }
        let resource = try resource(claims, form)
        return try await issue(claims, provider, client, resource, confirmation, form, at: now)
    }

    private func fault(of claims: JSONObject, _ client: Client, _ confirmation: Confirmation?, at now: Timestamp) -> String? {
        let audience = claims["aud"]?.string ?? (claims["aud"]?.array?.count == 1 ? claims["aud"]?.array?[0].string : nil)
        guard audience == server.settings.issuer else { return "aud" }
        guard claims["client_id"]?.string == client.id.text else { return "client_id" }
        guard let expiry = claims["exp"]?.int, let issued = claims["iat"]?.int, expiry - issued <= 300 else { return "lifetime" }
        guard let jti = claims["jti"]?.string, (1...256).contains(jti.utf8.count) else { return "jti" }
        guard claims["authorization_details"] == nil else { return "authorization_details" }
        if let key = claims["cnf"]?["jkt"]?.string, confirmation != .key(thumbprint: key) { return "cnf" }
        return nil
    }

    private func resource(_ claims: JSONObject, _ form: Parameters) throws(OAuthError) -> ProtectedResource {
        let asked = try parser.resource(form)
        guard let named = claims["resource"] else { return asked }
        let names = named.string.map { [$0] } ?? named.array?.compactMap(\.string) ?? []
        let known = names.compactMap { server.settings.resource(named: $0) }
        guard let first = known.first, known.count == names.count else {
            throw OAuthError(.invalidTarget, "The resource of the assertion is not served here.", rule: "JAG-1")
        }
        return form.contains("resource") && known.contains(asked) ? asked : first
    }

    private func issue(
        _ claims: JSONObject, _ provider: IdentityProvider, _ client: Client, _ resource: ProtectedResource,
        _ confirmation: Confirmation?, _ form: Parameters, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        let claimed = try parser.scopes(claims["scope"]?.string, resource, client)
        let asked = try parser.scopes(form.all("scope").first ?? claims["scope"]?.string, resource, client)
        let digest = server.hasher.digest(of: "id-jag\u{0}\(provider.issuer)\u{0}\(claims["jti"]?.string ?? "")")
        do {
            let isFirst = try await server.singleUses.claim(digest, until: now + .seconds(360), at: now)
            guard isFirst else { throw Self.refused(client, "used before") }
            guard let user = try await federation.account(claims, provider, at: now), !user.isDisabled else {
                throw Self.refused(client, "no account")
            }
            let scopes = ScopeSet(asked.scopes.filter(claimed.covers)).bounded(by: user.role)
            guard !scopes.isEmpty else {
                throw OAuthError(.invalidScope, "No scope of the assertion may be granted.", rule: "JAG-1")
            }
            let grant = Grant(
                id: GrantID("g" + Random.text(21)), userID: user.id, clientID: client.id, scopes: scopes, resource: resource.url,
                redirectURI: "", createdAt: now, endsAt: now + server.settings.accessTokenLifetime, confirmation: confirmation)
            let access = try server.issuer.access(for: grant, scopes: scopes, confirmation: confirmation, at: now)
            try await server.grants.insert(grant, access: access.record, refresh: nil)
            var event = Event(
                "token.issued", subject: user.name, client: client.id, grant: grant.id, resource: resource.url,
                scopes: scopes.description)
            event.tokenReference = access.record.digest.reference
            event.details = [("grant_type", "id-jag"), ("idp", .string(provider.name))]
            return TokenAnswer(
                access: access.value, refresh: nil, lifetime: access.lifetime, scopes: scopes, confirmation: confirmation
            ).response.recording(event)
        } catch let error as OAuthError { throw error } catch { throw .unavailable }
    }

    private static func refused(_ client: Client, _ fault: String) -> OAuthError {
        .invalidGrant(
            "JAG-1", events: [Event("token.issued", .denied, severity: .warning, reason: "JAG-1 " + fault, client: client.id)])
    }
}
