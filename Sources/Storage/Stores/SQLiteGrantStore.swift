package import OAuth
package import Primitives

/// Grants, authorization codes and refresh families in SQLite. Every method is one transaction (TOK-6).
package struct SQLiteGrantStore: GrantStore {
    let database: Database

    package init(_ database: Database) { self.database = database }

    package func insert(_ grant: Grant, code: NewCode) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.insert(grant)
            try transaction.run(
                """
                INSERT INTO codes (digest, grant_id, challenge, dpop_key, expires_at, consent_id)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                """,
                [
                    .digest(code.digest), .id(grant.id), .text(code.challenge), .text(orNull: code.dpopKey), .time(code.expiresAt),
                    .text(orNull: code.consentID?.text),
                ])
        }
    }

    package func insert(_ grant: Grant, access: NewAccessToken, refresh: NewRefreshToken?) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.insert(grant)
            try transaction.insert(access, of: grant.id)
            if let refresh { try transaction.insert(refresh, generation: 1, of: grant.id) }
        }
    }

    package func code(_ digest: TokenDigest) async throws(StoreError) -> CodeRecord? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT g.id, g.user_id, g.client_id, g.scopes, g.resource, g.redirect_uri, g.created_at, g.ends_at, g.authenticated_at,
                    g.confirmation, g.flow, g.is_offline, g.methods,
                    c.challenge, c.expires_at, c.consumed_at IS NOT NULL, c.failed_attempts,
                    g.revoked_at IS NULL AND u.is_disabled = 0
                        AND (c.consent_id IS NULL OR EXISTS (SELECT 1 FROM consents WHERE id = c.consent_id)), c.dpop_key
                FROM codes c JOIN grants g ON g.id = c.grant_id JOIN users u ON u.id = g.user_id
                WHERE c.digest = ?1
                """, [.digest(digest)]
            ) { row in
                CodeRecord(
                    grant: Grant(row: row), challenge: row.text(13), dpopKey: row.optionalText(18), expiresAt: row.time(14),
                    isConsumed: row.flag(15), failedAttempts: row.count(16), isActive: row.flag(17))
            }
        }
    }

    package func recordFailedAttempt(on code: TokenDigest) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("UPDATE codes SET failed_attempts = failed_attempts + 1 WHERE digest = ?1", [.digest(code)])
        }
    }

    package func redeem(
        _ code: TokenDigest, access: NewAccessToken, refresh: NewRefreshToken?, binding: Bool, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            // The consent may have been taken back since the code was read (AZ-16).
            let grant = try transaction.first(
                """
                UPDATE codes SET consumed_at = ?2 WHERE digest = ?1 AND consumed_at IS NULL
                    AND (consent_id IS NULL OR EXISTS (SELECT 1 FROM consents WHERE id = codes.consent_id))
                RETURNING grant_id
                """, [.digest(code), .time(now)]
            ) { row in GrantID(row.text(0)) }
            guard let grant else { return false }
            try transaction.insert(access, of: grant)
            if let refresh { try transaction.insert(refresh, generation: 1, of: grant) }
            if binding, let confirmation = access.confirmation {
                try transaction.run("UPDATE grants SET confirmation = ?2 WHERE id = ?1", [.id(grant), .text(confirmation.text)])
            }
            return true
        }
    }

    package func revoke(_ grant: GrantID, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in try transaction.revoke(grant, at: now) }
    }

    package func grants(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantSummary] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT g.id, g.user_id, g.client_id, g.scopes, g.resource, g.redirect_uri, g.created_at, g.ends_at,
                    g.authenticated_at, g.confirmation, g.flow, g.is_offline, g.methods, c.name, c.kind, g.last_used_at,
                    g.last_address
                FROM grants g JOIN clients c ON c.id = g.client_id
                WHERE g.user_id = ?1 AND g.revoked_at IS NULL AND g.ends_at > ?2 AND (
                    EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = g.id AND r.superseded_at IS NULL AND r.expires_at > ?2)
                    OR EXISTS (SELECT 1 FROM tokens t WHERE t.grant_id = g.id AND t.revoked_at IS NULL AND t.expires_at > ?2))
                ORDER BY g.created_at DESC, g.id LIMIT 500
                """, [.id(user), .time(now)]
            ) { row throws(StoreError) in
                GrantSummary(
                    grant: Grant(row: row), clientName: row.text(13), clientKind: try row.word(14),
                    lastUsedAt: row.optionalTime(15), lastAddress: row.optionalText(16))
            }
        }
    }

    package func markUsed(_ grant: GrantID, from address: String, at now: Timestamp) async throws(StoreError)
        -> (isFirst: Bool, flow: String?)
    {
        try await database.write { transaction throws(StoreError) in
            let before = try transaction.first(
                "SELECT last_used_at IS NULL, flow FROM grants WHERE id = ?1", [.id(grant)]
            ) { row in (isFirst: row.flag(0), flow: row.optionalText(1)) }
            try transaction.run(
                "UPDATE grants SET last_used_at = ?2, last_address = ?3 WHERE id = ?1", [.id(grant), .time(now), .text(address)])
            return before ?? (false, nil)
        }
    }

    /// Ended grants are kept this long for lists and investigations.
    private static let retention = Duration.seconds(7 * 86_400)

    package func prune(at now: Timestamp, grace: Duration) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "UPDATE refresh_tokens SET sealed_successor = NULL WHERE sealed_successor IS NOT NULL AND superseded_at < ?1",
                [.time(now - grace)])
            // A grant goes with its codes and tokens once it was revoked or over long ago, or nothing of it can be used any more.
            // Until then consumed codes and superseded tokens stay: they are what detects replay (CODE-10, RT-6).
            try transaction.run(
                """
                DELETE FROM grants WHERE ends_at < ?1 OR revoked_at < ?1 OR (created_at < ?1
                    AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = grants.id AND r.expires_at >= ?1)
                    AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.grant_id = grants.id AND t.expires_at >= ?1))
                """, [.time(now - Self.retention)])
        }
    }
}

extension Grant {
    /// From the columns id, user_id, client_id, scopes, resource, redirect_uri, created_at, ends_at, authenticated_at,
    /// confirmation, flow, is_offline, methods.
    init(row: borrowing Statement) {
        self.init(
            id: GrantID(row.text(0)), userID: UserID(row.text(1)), clientID: ClientID(row.text(2)), scopes: row.scopes(3),
            resource: row.text(4), redirectURI: row.text(5), createdAt: row.time(6), endsAt: row.time(7),
            authenticatedAt: row.optionalTime(8), confirmation: row.optionalText(9).flatMap(Confirmation.init),
            isOffline: row.flag(11), flow: row.optionalText(10))
        methods = AuthenticationMethods(text: row.text(12))
    }
}

extension Transaction {
    func insert(_ grant: Grant) throws(StoreError) {
        try run(
            """
            INSERT INTO grants (id, user_id, client_id, scopes, resource, redirect_uri, created_at, ends_at, authenticated_at,
                confirmation, flow, is_offline, methods)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            """,
            [
                .id(grant.id), .id(grant.userID), .id(grant.clientID), .scopes(grant.scopes), .text(grant.resource),
                .text(grant.redirectURI), .time(grant.createdAt), .time(grant.endsAt), .time(orNull: grant.authenticatedAt),
                .text(orNull: grant.confirmation?.text), .text(orNull: grant.flow), .flag(grant.isOffline),
                .text(grant.methods.text),
            ])
    }

    func insert(_ token: NewAccessToken, of grant: GrantID) throws(StoreError) {
        try run(
            """
            INSERT INTO tokens (digest, id, kind, user_id, grant_id, scopes, issued_at, expires_at, confirmation)
            SELECT ?1, ?2, 'access_token', user_id, id, ?4, ?5, ?6, ?7 FROM grants WHERE id = ?3
            """,
            [
                .digest(token.digest), .text(token.digest.summaryID), .id(grant), .scopes(token.scopes), .time(token.issuedAt),
                .time(token.expiresAt), .text(orNull: token.confirmation?.text),
            ])
    }

    func insert(_ token: NewRefreshToken, generation: Int, of grant: GrantID) throws(StoreError) {
        try run(
            """
            INSERT INTO refresh_tokens (digest, grant_id, generation, issued_at, expires_at, address, user_agent)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """,
            [
                .digest(token.digest), .id(grant), .count(generation), .time(token.issuedAt), .time(token.expiresAt),
                .text(orNull: token.source?.address), .text(orNull: token.source?.userAgent),
            ])
    }

    /// Every token of a revoked grant is dead by the join that reads it; sealed successors need not wait for the pruning.
    func revoke(_ grant: GrantID, at now: Timestamp) throws(StoreError) -> Bool {
        let isRevoked =
            try run("UPDATE grants SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL", [.id(grant), .time(now)]) == 1
        guard isRevoked else { return false }
        try run("UPDATE refresh_tokens SET sealed_successor = NULL WHERE grant_id = ?1", [.id(grant)])
        try bumpEpoch()
        return true
    }
}
