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

    package func link(issuer: String, subject: String, to user: UserID, at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT OR IGNORE INTO identities (issuer, subject, user_id, linked_at) VALUES (?1, ?2, ?3, ?4)",
                [.text(issuer), .text(subject), .id(user), .time(now)])
        }
    }
}
