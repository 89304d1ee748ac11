package import OAuth
package import Primitives

/// Rotation, grace and reuse (oauth.md §7b).
extension SQLiteGrantStore {
    package func refreshToken(_ digest: TokenDigest) async throws(StoreError) -> RefreshRecord? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT g.id, g.user_id, g.client_id, g.scopes, g.resource, g.redirect_uri, g.created_at, g.ends_at, g.authenticated_at,
                    g.confirmation, g.flow, g.is_offline, g.methods,
                    r.generation, r.expires_at, r.superseded_at, r.sealed_successor, r.is_successor_used,
                    g.revoked_at IS NULL AND u.is_disabled = 0
                FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id JOIN users u ON u.id = g.user_id
                WHERE r.digest = ?1
                """, [.digest(digest)], RefreshRecord.init(row:))
        }
    }

    /// RT-2: the writer's transaction is the lock of every family, across processes as well.
    package func refresh(
        _ presented: TokenDigest, successor: NewRefreshToken, sealedSuccessor: [UInt8], access: NewAccessToken, grace: Duration,
        at now: Timestamp
    ) async throws(StoreError) -> RefreshOutcome {
        try await database.write { transaction throws(StoreError) in
            let record = try transaction.first(
                """
                SELECT g.id, g.user_id, g.client_id, g.scopes, g.resource, g.redirect_uri, g.created_at, g.ends_at, g.authenticated_at,
                    g.confirmation, g.flow, g.is_offline, g.methods,
                    r.generation, r.expires_at, r.superseded_at, r.sealed_successor, r.is_successor_used,
                    g.revoked_at IS NULL AND u.is_disabled = 0
                FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id JOIN users u ON u.id = g.user_id
                WHERE r.digest = ?1
                """, [.digest(presented)], RefreshRecord.init(row:))
            guard let record else { return .invalid }
            let next = record.generation + 1
            switch RefreshDecision.decide(record, grace: grace, at: now) {
            case .refuse: return .invalid
            case .reuse:
                let other = try transaction.source(of: record.grant.id, generation: next)
                _ = try transaction.revoke(record.grant.id, at: now)
                return .reused(successorTo: other)
            case .grace(let sealed):
                try transaction.insert(access, of: record.grant.id)
                return .grace(sealedSuccessor: sealed, generation: next)
            case .rotate:
                try transaction.supersede(presented, of: record, keeping: sealedSuccessor, at: now)
                try transaction.insert(successor, generation: next, of: record.grant.id)
                try transaction.insert(access, of: record.grant.id)
                return .rotated(generation: next)
            }
        }
    }
}

extension Transaction {
    fileprivate func source(of grant: GrantID, generation: Int) throws(StoreError) -> RequestSource? {
        try first(
            """
            SELECT address, coalesce(user_agent, '') FROM refresh_tokens
            WHERE grant_id = ?1 AND generation = ?2 AND address IS NOT NULL
            """, [.id(grant), .count(generation)]
        ) { row in RequestSource(address: row.text(0), userAgent: row.text(1)) }
    }

    /// The token presented is proof that its own predecessor's answer arrived: that sealed copy has no use left (RT-4).
    fileprivate func supersede(
        _ token: TokenDigest, of record: RefreshRecord, keeping sealed: [UInt8], at now: Timestamp
    ) throws(StoreError) {
        try run(
            "UPDATE refresh_tokens SET superseded_at = ?2, sealed_successor = ?3 WHERE digest = ?1",
            [.digest(token), .time(now), .blob(sealed)])
        try run(
            "UPDATE refresh_tokens SET is_successor_used = 1, sealed_successor = NULL WHERE grant_id = ?1 AND generation = ?2",
            [.id(record.grant.id), .count(record.generation - 1)])
    }
}

extension RefreshRecord {
    /// From the columns of the grant, then generation, expires_at, superseded_at, sealed_successor, is_successor_used, is active.
    fileprivate init(row: borrowing Statement) {
        self.init(
            grant: Grant(row: row), generation: row.count(13), expiresAt: row.time(14), supersededAt: row.optionalTime(15),
            sealedSuccessor: row.optionalBlob(16), isSuccessorUsed: row.flag(17), isActive: row.flag(18))
    }
}
