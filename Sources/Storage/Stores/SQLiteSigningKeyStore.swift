package import OAuth
package import Primitives

/// Signing keys in SQLite, sealed by their owner.
package struct SQLiteSigningKeyStore: SigningKeyStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func signingKeys() async throws(StoreError) -> [StoredSigningKey] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT key_id, sealed, created_at, active_from FROM signing_keys ORDER BY created_at, key_id"
            ) { row in
                StoredSigningKey(keyID: row.text(0), sealed: row.blob(1), createdAt: row.time(2), activeFrom: row.time(3))
            }
        }
    }

    package func insert(_ key: StoredSigningKey, unlessNewerThan limit: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isNew =
                try transaction.run(
                    """
                    INSERT INTO signing_keys (key_id, sealed, created_at, active_from)
                    SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE created_at > ?5)
                    """,
                    [.text(key.keyID), .blob(key.sealed), .time(key.createdAt), .time(key.activeFrom), .time(limit)]) == 1
            if isNew { try transaction.bumpEpoch() }  // so that every process looks at its keys
            return isNew
        }
    }

    package func replaceAll(by key: StoredSigningKey) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM signing_keys")
            try transaction.run(
                "INSERT INTO signing_keys (key_id, sealed, created_at, active_from) VALUES (?1, ?2, ?3, ?4)",
                [.text(key.keyID), .blob(key.sealed), .time(key.createdAt), .time(key.activeFrom)])
            try transaction.run(
                "UPDATE tokens SET revoked_at = ?1 WHERE kind = 'access_token' AND revoked_at IS NULL", [.time(key.createdAt)])
            try transaction.bumpEpoch()
        }
    }

    package func remove(_ keyID: String) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM signing_keys WHERE key_id = ?1", [.text(keyID)])
        }
    }
}
