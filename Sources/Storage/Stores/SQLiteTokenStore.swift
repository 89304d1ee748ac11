internal import Crypto
package import OAuth
package import Primitives

/// Access tokens and personal tokens in SQLite, in one table.
package struct SQLiteTokenStore: TokenStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func facts(of digest: TokenDigest) async throws(StoreError) -> TokenFacts? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT u.id, u.name, u.role, u.is_disabled, u.created_at, t.scopes, t.kind, g.client_id, t.grant_id, g.resource,
                    t.expires_at, t.revoked_at IS NULL AND g.revoked_at IS NULL AND u.is_disabled = 0, t.issued_at, t.confirmation,
                    g.authenticated_at, g.methods
                FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN grants g ON g.id = t.grant_id
                WHERE t.digest = ?1
                """, [.digest(digest)]
            ) { row throws(StoreError) in
                var facts = TokenFacts(
                    user: try User(row: row), scopes: row.scopes(5), credential: try row.word(6),
                    clientID: row.optionalText(7).map { ClientID($0) }, grantID: row.optionalText(8).map { GrantID($0) },
                    resource: row.optionalText(9), issuedAt: row.time(12), expiresAt: row.optionalTime(10),
                    confirmation: row.optionalText(13).flatMap(Confirmation.init), authenticatedAt: row.optionalTime(14),
                    isActive: row.flag(11))
                facts.methods = AuthenticationMethods(text: row.optionalText(15) ?? "")
                return facts
            }
        }
    }

    package func insertPersonalToken(
        _ digest: TokenDigest, name: String, user: UserID, scopes: ScopeSet, issuedAt: Timestamp, expiresAt: Timestamp?
    ) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO tokens (digest, id, kind, user_id, name, scopes, issued_at, expires_at)
                VALUES (?1, ?2, 'personal_token', ?3, ?4, ?5, ?6, ?7)
                """,
                [
                    .digest(digest), .text(digest.summaryID), .id(user), .text(name), .scopes(scopes), .time(issuedAt),
                    .time(orNull: expiresAt),
                ])
        }
    }

    package func tokens(of user: UserID?, at now: Timestamp) async throws(StoreError) -> [TokenSummary] {
        try await database.read { connection throws(StoreError) in
            // Two literals, so that each has the plan it needs.
            guard let user else {
                return try connection.all(
                    """
                    SELECT t.id, u.name, t.kind, t.name, g.client_id, t.scopes, t.issued_at, t.expires_at,
                        t.revoked_at IS NULL AND g.revoked_at IS NULL AND u.is_disabled = 0
                    FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN grants g ON g.id = t.grant_id
                    WHERE t.expires_at IS NULL OR t.expires_at > ?1 ORDER BY t.issued_at DESC, t.id
                    """, [.time(now)], TokenSummary.init(row:))
            }
            return try connection.all(
                """
                SELECT t.id, u.name, t.kind, t.name, g.client_id, t.scopes, t.issued_at, t.expires_at,
                    t.revoked_at IS NULL AND g.revoked_at IS NULL AND u.is_disabled = 0
                FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN grants g ON g.id = t.grant_id
                WHERE t.user_id = ?2 AND (t.expires_at IS NULL OR t.expires_at > ?1) ORDER BY t.issued_at DESC, t.id
                """, [.time(now), .id(user)], TokenSummary.init(row:))
        }
    }

    package func revoke(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isRevoked =
                try transaction.run(
                    "UPDATE tokens SET revoked_at = ?2 WHERE digest = ?1 AND revoked_at IS NULL", [.digest(digest), .time(now)])
                == 1
            if isRevoked { try transaction.bumpEpoch() }
            return isRevoked
        }
    }

    package func revoke(id: String, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isRevoked =
                try transaction.run(
                    "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL", [.text(id), .time(now)]) == 1
            if isRevoked { try transaction.bumpEpoch() }
            return isRevoked
        }
    }

    package func prune(before: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM tokens WHERE expires_at < ?1", [.time(before)])
            try transaction.run("DELETE FROM tokens WHERE revoked_at IS NOT NULL AND revoked_at < ?1", [.time(before)])
        }
    }
}

extension TokenSummary {
    fileprivate init(row: borrowing Statement) throws(StoreError) {
        self.init(
            id: row.text(0), username: row.text(1), credential: try row.word(2), name: row.optionalText(3),
            clientID: row.optionalText(4).map { ClientID($0) }, scopes: row.scopes(5), issuedAt: row.time(6),
            expiresAt: row.optionalTime(7), isActive: row.flag(8))
    }
}

extension TokenDigest {
    /// What lists call the token: safe to print, because it is a digest of the digest.
    var summaryID: String { Hex.encode(SHA256.digest(bytes).prefix(8)) }
}
