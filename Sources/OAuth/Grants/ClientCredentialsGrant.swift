internal import Crypto
internal import HTTP
internal import Primitives

/// `grant_type=client_credentials`: a confidential client acts as the service account an administrator gave it (CC-1).
struct ClientCredentialsGrant: Sendable {
    let server: AuthorizationServer
    let parser: AuthorizationParser

    func redeem(
        _ form: Parameters, _ client: Client, _ confirmation: Confirmation?, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        guard client.isConfidential, let userID = client.serviceUserID else {
            throw OAuthError(.unauthorizedClient, "This client has no service account.", rule: "CC-1")
        }
        let resource = try parser.resource(form)
        let asked = try parser.scopes(form.all("scope").first, resource, client)
        do {
            guard let user = try await server.users.user(userID), !user.isDisabled else {
                throw OAuthError(.unauthorizedClient, "This client's service account is not active.", rule: "CC-1")
            }
            let scopes = asked.bounded(by: user.role)
            let grant = Grant(
                id: GrantID("g" + Random.text(21)), userID: user.id, clientID: client.id, scopes: scopes, resource: resource.url,
                redirectURI: "", createdAt: now, endsAt: now + server.settings.accessTokenLifetime, confirmation: confirmation)
            let access = try server.issuer.access(for: grant, scopes: scopes, confirmation: confirmation, at: now)
            try await server.grants.insert(grant, access: access.record, refresh: nil)
            var event = Event(
                "token.issued", subject: user.name, client: client.id, grant: grant.id, resource: resource.url,
                scopes: scopes.description)
            event.tokenReference = access.record.digest.reference
            event.details = [("grant_type", "client_credentials")]
            return TokenAnswer(
                access: access.value, refresh: nil, lifetime: access.lifetime, scopes: scopes, confirmation: confirmation
            ).response.recording(event)
        } catch let error as OAuthError { throw error } catch { throw .unavailable }
    }
}
