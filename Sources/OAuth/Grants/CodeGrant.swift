internal import HTTP
internal import Primitives

/// `grant_type=authorization_code` (oauth.md §7a).
struct CodeGrant: Sendable {
    let settings: OAuthSettings
    let grants: any GrantStore
    let hasher: TokenHasher
    let issuer: TokenIssuer

    static let maximumAttempts = 5

    /// - Parameter confirmation: the key the request proved to hold (TOK-4).
    func redeem(
        _ form: Parameters, _ client: Client, _ confirmation: Confirmation?, from source: RequestSource, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        guard let code = form.all("code").first else { throw OAuthError(.invalidRequest, "code is missing.", rule: "TOK-5") }
        guard let verifier = form.all("code_verifier").first, PKCE.isVerifier(verifier) else {
            throw OAuthError(.invalidRequest, "code_verifier is missing or malformed.", rule: "CODE-5")
        }
        guard TokenFormat.kind(of: Array(code.utf8)) == .code else { throw .invalidGrant("CODE-1") }
        let digest = hasher.digest(of: code)
        let record = try await read(digest)
        try check(record, form, client, at: now)
        guard PKCE.matches(verifier: verifier, challenge: record.challenge) else {
            do { try await grants.recordFailedAttempt(on: digest) } catch { throw error.refusal }
            throw .invalidGrant("CODE-5", events: [Self.event("token.issued", .failure, record, "CODE-5")])
        }
        try checkResource(form, record)
        if let key = record.dpopKey, confirmation != .key(thumbprint: key) { throw .invalidGrant("CODE-7") }
        if record.isConsumed { throw try await replayed(record, at: now) }
        guard record.isActive, now < record.expiresAt else { throw .invalidGrant("CODE-3") }
        return try await issue(record, digest, client, confirmation, source, at: now)
    }

    private func read(_ digest: TokenDigest) async throws(OAuthError) -> CodeRecord {
        let record: CodeRecord?
        do { record = try await grants.code(digest) } catch { throw error.refusal }
        guard let record else { throw .invalidGrant("CODE-1") }
        return record
    }

    private func check(_ record: CodeRecord, _ form: Parameters, _ client: Client, at now: Timestamp) throws(OAuthError) {
        guard record.grant.clientID == client.id else {
            throw .invalidGrant("CODE-2", events: [Self.event("token.issued", .denied, record, "CODE-2")])
        }
        if let uri = form.all("redirect_uri").first, uri != record.grant.redirectURI { throw .invalidGrant("CODE-4") }
        guard record.failedAttempts < Self.maximumAttempts else { throw .invalidGrant("CODE-5") }
    }

    /// CODE-6: before the code is consumed.
    private func checkResource(_ form: Parameters, _ record: CodeRecord) throws(OAuthError) {
        for name in form.all("resource") where settings.resource(named: name)?.url != record.grant.resource {
            throw OAuthError(.invalidTarget, "The resource was not authorized.", rule: "CODE-6")
        }
    }

    private func issue(
        _ record: CodeRecord, _ digest: TokenDigest, _ client: Client, _ confirmation: Confirmation?,
        _ source: RequestSource, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        let access = try issuer.access(for: record.grant, scopes: record.grant.scopes, confirmation: confirmation, at: now)
        let refresh =
            client.mayRefresh(asking: record.grant) ? issuer.refresh(endingAt: record.grant.endsAt, for: source, at: now) : nil
        let isFirst: Bool
        do throws(StoreError) {
            // A public client's refresh tokens are bound to its key; a confidential one proves itself anyway (DP-3).
            isFirst = try await grants.redeem(
                digest, access: access.record, refresh: refresh?.record, binding: !client.isConfidential, at: now)
        } catch { throw error.refusal }
        guard isFirst else {  // lost the race against another redemption, or against the end of its consent
            guard try await read(digest).isConsumed else { throw .invalidGrant("AZ-16") }
            throw try await replayed(record, at: now)
        }
        var event = Self.event("token.issued", .success, record, nil)
        event.tokenReference = access.record.digest.reference
        event.details =
            [("grant_type", "authorization_code")] + (confirmation.map { [("cnf", $0.json)] } ?? [])
            + (record.grant.flow.map { [("flow", .string($0))] } ?? [])
        return TokenAnswer(
            access: access.value, refresh: refresh?.value, lifetime: access.lifetime, scopes: record.grant.scopes,
            confirmation: confirmation
        ).response.recording(event)
    }

    /// CODE-10: the rest was right, so the code leaked: everything issued from it ends.
    private func replayed(_ record: CodeRecord, at now: Timestamp) async throws(OAuthError) -> OAuthError {
        do { _ = try await grants.revoke(record.grant.id, at: now) } catch { throw error.refusal }
        var event = Self.event("token.code.replayed", .denied, record, "CODE-10")
        event.severity = .critical
        return .invalidGrant("CODE-10", events: [event])
    }

    private static func event(_ name: String, _ outcome: Event.Outcome, _ record: CodeRecord, _ reason: String?) -> Event {
        Event(
            name, outcome, severity: outcome == .success ? .info : .warning, reason: reason, client: record.grant.clientID,
            grant: record.grant.id, resource: record.grant.resource, scopes: record.grant.scopes.description)
    }
}

extension Client {
    /// TOK-8: clients described by a document, those that registered for it, and those that asked `offline_access`.
    func mayRefresh(asking grant: Grant) -> Bool {
        grantTypes.contains("refresh_token") || kind == .metadata || grant.isOffline
    }
}
