package import OAuth
package import Primitives

/// Signing keys in SQLite, sealed by their owner.
package struct SQLiteSigningKeyStore: SigningKeyStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func signingKeys() async throws(StoreError) -> [StoredSigningKey] {
        try await database.read { connection throws(StoreError) in
            try connection.all("SELECT key_id, sealed, created_at FROM signing_keys ORDER BY created_at, key_id") { row in
                StoredSigningKey(keyID: row.text(0), sealed: row.blob(1), createdAt: row.time(2))
            }
        }
    }

    package func insert(_ key: StoredSigningKey, unlessNewerThan limit: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO signing_keys (key_id, sealed, created_at)
                SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE created_at > ?4)
                """, [.text(key.keyID), .blob(key.sealed), .time(key.createdAt), .time(limit)]) == 1
        }
    }

    package func remove(_ keyID: String) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM signing_keys WHERE key_id = ?1", [.text(keyID)])
        }
    }
}
