internal import HTTP
internal import Primitives

/// `grant_type=refresh_token`: rotation, reuse detection and the sealed-successor grace (oauth.md §7b).
struct RefreshGrant: Sendable {
    let settings: OAuthSettings
    let grants: any GrantStore
    let hasher: TokenHasher
    let issuer: TokenIssuer

    func redeem(
        _ form: Parameters, _ client: Client, _ confirmation: Confirmation?, from source: RequestSource, at now: Timestamp
    ) async throws(OAuthError) -> Response {
        guard let text = form.all("refresh_token").first else {
            throw OAuthError(.invalidRequest, "refresh_token is missing.", rule: "TOK-5")
        }
        guard TokenFormat.kind(of: Array(text.utf8)) == .refresh else { throw .invalidGrant("RT-1") }
        let presented = Secret(text)
        let record = try await read(hasher.digest(of: presented))
        guard record.grant.clientID == client.id else {
            throw .invalidGrant("RT-1", events: [Self.event("token.refreshed", .denied, record, "RT-1")])
        }
        if !client.isConfidential, let bound = record.grant.confirmation, bound != confirmation {
            throw .invalidGrant("RT-1", events: [Self.event("token.refreshed", .denied, record, "RT-1 key")])
        }
        // RT-1: everything is checked before anything is written. A dead family answers before its scopes matter.
        if RefreshDecision.decide(record, grace: settings.refreshGrace, at: now) == .refuse { throw .invalidGrant("RT-1") }
        let scopes = try scopes(form, record)
        for name in form.all("resource") where settings.resource(named: name)?.url != record.grant.resource {
            throw OAuthError(.invalidTarget, "The resource was not authorized.", rule: "RT-1")
        }
        return try await rotate(presented, record, scopes, confirmation, source, at: now)
    }

    private func read(_ digest: TokenDigest) async throws(OAuthError) -> RefreshRecord {
        let record: RefreshRecord?
        do { record = try await grants.refreshToken(digest) } catch { throw error.refusal }
        guard let record else { throw .invalidGrant("RT-1") }
        return record
    }

    /// A refresh may narrow the access token's scopes; the family keeps its own (RFC 6749 §6).
    private func scopes(_ form: Parameters, _ record: RefreshRecord) throws(OAuthError) -> ScopeSet {
        let words = (form.all("scope").first ?? "").split(separator: " ").filter { $0 != "offline_access" }
        guard !words.isEmpty else { return record.grant.scopes }
        let asked = words.compactMap { Scope($0) }
        guard asked.count == words.count, asked.allSatisfy(record.grant.scopes.covers) else {
            throw OAuthError(.invalidScope, "The scope goes beyond what was granted.", rule: "RT-1")
        }
        return ScopeSet(asked)
    }

    private func rotate(
        _ presented: Secret, _ record: RefreshRecord, _ scopes: ScopeSet, _ confirmation: Confirmation?, _ source: RequestSource,
        at now: Timestamp
    ) async throws(OAuthError) -> Response {
        let access = try issuer.access(for: record.grant, scopes: scopes, confirmation: confirmation, at: now)
        let successor = issuer.refresh(endingAt: record.grant.endsAt, for: source, at: now)
        let outcome: RefreshOutcome
        do {
            let sealed = try SuccessorSeal.seal(successor.value, for: presented, family: record.grant.id)
            outcome = try await grants.refresh(
                hasher.digest(of: presented),
                successor: successor.record, sealedSuccessor: sealed, access: access.record,
                grace: settings.refreshGrace, at: now)
        } catch { throw .unavailable }
        switch outcome {
        case .rotated(let generation):
            return answer(access, successor.value, scopes, Self.event("token.refreshed", .success, record, nil), generation)
        case .grace(let sealed, let generation):
            guard let kept = try? SuccessorSeal.open(sealed, with: presented, family: record.grant.id) else { throw .unavailable }
            return answer(access, kept, scopes, Self.event("token.refresh.grace_used", .success, record, "RT-4"), generation)
        case .reused(let other):
            var event = Self.event("token.refresh.reuse_detected", .denied, record, "RT-5")
            event.severity = .critical
            event.details =
                [("generation", .int(record.generation))] + Self.details(of: source, "")
                + (other.map { Self.details(of: $0, "successor_") } ?? [])
            throw .invalidGrant("RT-5", events: [event])
        case .invalid: throw .invalidGrant("RT-1")
        }
    }

    /// RT-5: one of the two is the thief; which one, the person who reads it knows.
    private static func details(of source: RequestSource, _ prefix: String) -> [(String, JSONValue)] {
        [(prefix + "address", .string(source.address)), (prefix + "user_agent", .string(source.userAgent))]
    }

    private func answer(
        _ access: TokenIssuer.Access, _ refresh: Secret, _ scopes: ScopeSet, _ event: Event, _ generation: Int
    ) -> Response {
        var event = event
        event.tokenReference = access.record.digest.reference
        event.details = [("generation", .int(generation))]
        return TokenAnswer(
            access: access.value, refresh: refresh, lifetime: access.lifetime, scopes: scopes,
            confirmation: access.record.confirmation
        ).response.recording(event)
    }

    private static func event(_ name: String, _ outcome: Event.Outcome, _ record: RefreshRecord, _ reason: String?) -> Event {
        Event(
            name, outcome, severity: outcome == .success ? .info : .warning, reason: reason, client: record.grant.clientID,
            grant: record.grant.id, resource: record.grant.resource, scopes: record.grant.scopes.description)
    }
}
