package import OAuth
package import Primitives

/// Linked identities in SQLite.
package struct SQLiteIdentityStore: IdentityStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func user(issuer: String, subject: String) async throws(StoreError) -> UserID? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT user_id FROM identities WHERE issuer = ?1 AND subject = ?2", [.text(issuer), .text(subject)]
            ) { row in UserID(row.text(0)) }
        }
    }

    package func hasIdentity(_ user: UserID) async throws(StoreError) -> Bool {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT 1 FROM identities WHERE user_id = ?1 LIMIT 1", [.id(user)]) { _ in true }
        } ?? false
    }

    package func endUsers(withoutAny issuers: [String], at now: Timestamp) async throws(StoreError) -> [String] {
        try await database.write { transaction throws(StoreError) in
            let users = try transaction.all(
                """
                SELECT u.id, u.name FROM users u
                WHERE u.password_hash IS NULL AND EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)
                    AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id
                        AND i.issuer IN (SELECT value FROM json_each(?1)))
                    AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id)
                    AND (EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id)
                        OR EXISTS (SELECT 1 FROM grants g WHERE g.user_id = u.id AND g.revoked_at IS NULL))
                """, [.text(JSONValue.strings(issuers).text)]
            ) { row in (id: UserID(row.text(0)), name: row.text(1)) }
            for user in users { try transaction.endSessionsAndGrants(of: user.id, at: now) }
            if !users.isEmpty { try transaction.bumpEpoch() }
            return users.map(\.name)
        }
    }

    package func link(issuer: String, subject: String, to user: UserID, at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT OR IGNORE INTO identities (issuer, subject, user_id, linked_at) VALUES (?1, ?2, ?3, ?4)",
                [.text(issuer), .text(subject), .id(user), .time(now)])
        }
    }
}
