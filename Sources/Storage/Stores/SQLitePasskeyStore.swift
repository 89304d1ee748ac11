package import OAuth
package import Primitives

/// Passkeys in SQLite.
package struct SQLitePasskeyStore: PasskeyStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func handle(of user: UserID, fresh: [UInt8]) async throws(StoreError) -> [UInt8] {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT OR IGNORE INTO passkey_handles (user_id, handle) VALUES (?1, ?2)", [.id(user), .blob(fresh)])
            let handle = try transaction.first("SELECT handle FROM passkey_handles WHERE user_id = ?1", [.id(user)]) { row in
                row.blob(0)
            }
            guard let handle else { throw StoreError(.internalError, "a handle was not kept") }
            return handle
        }
    }

    package func user(ofHandle handle: [UInt8]) async throws(StoreError) -> UserID? {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT user_id FROM passkey_handles WHERE handle = ?1", [.blob(handle)]) { row in
                UserID(row.text(0))
            }
        }
    }

    package func insert(
        _ credential: NewCredential, id: String, name: String, of user: UserID, limit: Int, recoveryCodes: [TokenDigest],
        at now: Timestamp
    ) async throws(StoreError) -> Bool? {
        try await database.write { transaction throws(StoreError) in
            let count = try transaction.first("SELECT count(*) FROM passkeys WHERE user_id = ?1", [.id(user)]) { row in row.count(0)
            }
            guard count ?? 0 < limit else { return nil }
            try transaction.run(
                """
                INSERT INTO passkeys (credential_id, id, user_id, name, public_key, model, counter, was_verified,
                    is_backup_eligible, is_backed_up, created_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                """,
                [
                    .blob(credential.id), .text(id), .id(user), .text(name), .blob(credential.key), .blob(credential.model),
                    .integer(Int64(credential.counter)), .flag(credential.isVerified), .flag(credential.isBackupEligible),
                    .flag(credential.isBackedUp), .time(now),
                ])
            let left = try transaction.first(
                "SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL", [.id(user)]
            ) { row in row.count(0) }
            guard left ?? 0 == 0 else { return false }
            try transaction.run("DELETE FROM recovery_codes WHERE user_id = ?1", [.id(user)])
            for code in recoveryCodes {
                try transaction.run("INSERT INTO recovery_codes (digest, user_id) VALUES (?1, ?2)", [.digest(code), .id(user)])
            }
            return true
        }
    }

    package func passkey(_ credentialID: [UInt8]) async throws(StoreError) -> Passkey? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT id, user_id, credential_id, public_key, counter, is_backup_eligible, is_backed_up, name, created_at,
                    last_used_at
                FROM passkeys WHERE credential_id = ?1
                """, [.blob(credentialID)], Passkey.init(row:))
        }
    }

    package func passkeys(of user: UserID) async throws(StoreError) -> [Passkey] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT id, user_id, credential_id, public_key, counter, is_backup_eligible, is_backed_up, name, created_at,
                    last_used_at
                FROM passkeys WHERE user_id = ?1 ORDER BY created_at, id
                """, [.id(user)], Passkey.init(row:))
        }
    }

    package func use(
        _ credentialID: [UInt8], counter: UInt32, isBackedUp: Bool, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                UPDATE passkeys SET counter = ?2, is_backed_up = ?3, last_used_at = ?4
                WHERE credential_id = ?1 AND (counter < ?2 OR (counter = 0 AND ?2 = 0))
                """, [.blob(credentialID), .integer(Int64(counter)), .flag(isBackedUp), .time(now)]) == 1
        }
    }

    package func remove(id: String, of user: UserID) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let wasThere = try transaction.run("DELETE FROM passkeys WHERE id = ?1 AND user_id = ?2", [.text(id), .id(user)]) == 1
            try transaction.dropUselessRecoveryCodes(of: user)
            return wasThere
        }
    }

    package func removeAll(of user: UserID) async throws(StoreError) -> Int {
        try await database.write { transaction throws(StoreError) in
            let count = try transaction.run("DELETE FROM passkeys WHERE user_id = ?1", [.id(user)])
            try transaction.dropUselessRecoveryCodes(of: user)
            return count
        }
    }
}

extension Transaction {
    /// Recovery codes stand for a factor; without one they would open an account whose owner believes them gone.
    func dropUselessRecoveryCodes(of user: UserID) throws(StoreError) {
        try run(
            """
            DELETE FROM recovery_codes WHERE user_id = ?1
                AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM one_time_passwords WHERE user_id = ?1 AND confirmed_at IS NOT NULL)
            """, [.id(user)])
    }
}

extension Passkey {
    /// From the columns id, user_id, credential_id, public_key, counter, is_backup_eligible, is_backed_up, name, created_at,
    /// last_used_at.
    fileprivate init(row: borrowing Statement) throws(StoreError) {
        self.init(
            id: row.text(0), userID: UserID(row.text(1)), credentialID: row.blob(2), key: row.blob(3),
            counter: UInt32(truncatingIfNeeded: row.integer(4)), isBackupEligible: row.flag(5), isBackedUp: row.flag(6),
            name: row.text(7), createdAt: row.time(8), lastUsedAt: row.optionalTime(9))
    }
}
