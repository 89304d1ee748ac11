internal import HTTP
internal import Primitives

/// `grant_type=urn:ietf:params:oauth:grant-type:device_code`: a device asks whether its user has answered (RFC 8628 §3.4).
struct DeviceGrant: Sendable {
    let server: AuthorizationServer

    func redeem(
        _ form: Parameters, _ client: Client, _ confirmation: Confirmation?, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        guard let code = form.all("device_code").first else {
            throw OAuthError(.invalidRequest, "device_code is missing.", rule: "DEV-1")
        }
        guard TokenFormat.kind(of: Array(code.utf8)) == .device else { throw .invalidGrant("DEV-1") }
        // The tokens are made before the answer is known: reading it and storing them is one transaction.
        let placeholder = Grant(
            id: GrantID(""), userID: UserID(""), clientID: client.id, scopes: ScopeSet([]), resource: "", redirectURI: "",
            createdAt: now, endsAt: now)
        let access = try server.issuer.access(for: placeholder, scopes: placeholder.scopes, confirmation: confirmation, at: now)
        let refresh =
            client.grantTypes.contains("refresh_token")
            ? server.issuer.refresh(endingAt: now + server.settings.refreshAbsolute, at: now) : nil
        let outcome: DevicePoll
        do {
            outcome = try await server.devices.poll(
                server.hasher.digest(of: code), client: client.id, access: access.record, refresh: refresh?.record, at: now)
        } catch { throw error.refusal }
        switch outcome {
        case .pending: throw OAuthError(.authorizationPending, "The user has not answered yet.", rule: "DEV-1")
        case .slowDown: throw OAuthError(.slowDown, "Wait 5 seconds longer between polls.", rule: "DEV-1")
        case .denied: throw OAuthError(.accessDenied, "The user said no.", rule: "DEV-1")
        case .expired: throw OAuthError(.expiredToken, "The device code has expired. Start again.", rule: "DEV-1")
        case .unknown: throw .invalidGrant("DEV-1")
        case .approved(let grant):
            var event = Event(
                "token.issued", client: client.id, grant: grant.id, resource: grant.resource, scopes: grant.scopes.description)
            event.tokenReference = access.record.digest.reference
            event.details = [("grant_type", "device_code")]
            return TokenAnswer(
                access: access.value, refresh: refresh?.value, lifetime: access.lifetime, scopes: grant.scopes,
                confirmation: confirmation
            ).response.recording(event)
        }
    }
}
