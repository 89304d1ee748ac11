package import OAuth
package import Primitives

/// Single-use values and pushed requests in SQLite.
package struct SQLiteSingleUseStore: SingleUseStore, PushedRequestStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func claim(_ digest: TokenDigest, until expiry: Timestamp, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            // An expired row is as good as none, and may not have been pruned yet.
            try transaction.run(
                """
                INSERT INTO single_uses (digest, expires_at) VALUES (?1, ?2)
                ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE expires_at <= ?3
                """, [.digest(digest), .time(expiry), .time(now)]) == 1
        }
    }

    package func insert(
        _ digest: TokenDigest, client: ClientID, parameters: String, expiresAt: Timestamp
    ) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT INTO pushed_requests (digest, client_id, parameters, expires_at) VALUES (?1, ?2, ?3, ?4)",
                [.digest(digest), .id(client), .text(parameters), .time(expiresAt)])
        }
    }

    package func take(_ digest: TokenDigest, client: ClientID, at now: Timestamp) async throws(StoreError) -> String? {
        try await database.write { transaction throws(StoreError) in
            try transaction.first(
                "DELETE FROM pushed_requests WHERE digest = ?1 AND client_id = ?2 AND expires_at > ?3 RETURNING parameters",
                [.digest(digest), .id(client), .time(now)]
            ) { row in row.text(0) }
        }
    }

    package func prune(at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM single_uses WHERE expires_at <= ?1", [.time(now)])
            try transaction.run("DELETE FROM pushed_requests WHERE expires_at <= ?1", [.time(now)])
            try transaction.run("DELETE FROM device_authorizations WHERE expires_at <= ?1", [.time(now - .seconds(3600))])
            try transaction.run("DELETE FROM consents WHERE expires_at <= ?1", [.time(now)])
            try transaction.run("DELETE FROM client_requests WHERE asked_at <= ?1", [.time(now - .seconds(30 * 86_400))])
        }
    }
}
