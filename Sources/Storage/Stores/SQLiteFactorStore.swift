package import OAuth
package import Primitives

/// Second factors and invitations in SQLite.
package struct SQLiteFactorStore: FactorStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func oneTimePassword(of user: UserID) async throws(StoreError) -> OneTimePasswordState? {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT confirmed_at IS NOT NULL FROM one_time_passwords WHERE user_id = ?1", [.id(user)]) { row in
                OneTimePasswordState(isConfirmed: row.flag(0))
            }
        }
    }

    package func recoveryCodesLeft(of user: UserID) async throws(StoreError) -> Int {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL", [.id(user)]) { row in
                row.count(0)
            } ?? 0
        }
    }

    package func enrolmentBegan(of user: UserID) async throws(StoreError) -> Timestamp? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT began_at FROM one_time_passwords WHERE user_id = ?1 AND confirmed_at IS NULL", [.id(user)]
            ) { row in row.time(0) }
        }
    }

    package func beginOneTimePassword(of user: UserID, at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO one_time_passwords (user_id, began_at) VALUES (?1, ?2)
                ON CONFLICT (user_id) DO UPDATE SET began_at = excluded.began_at WHERE confirmed_at IS NULL
                """, [.id(user), .time(now)])
        }
    }

    package func confirmOneTimePassword(
        of user: UserID, step: Int64, recoveryCodes: [TokenDigest], at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isConfirmed =
                try transaction.run(
                    """
                    UPDATE one_time_passwords SET confirmed_at = ?2, last_step = ?3
                    WHERE user_id = ?1 AND confirmed_at IS NULL AND last_step < ?3
                    """, [.id(user), .time(now), .integer(step)]) == 1
            guard isConfirmed else { return false }
            try transaction.run("DELETE FROM recovery_codes WHERE user_id = ?1", [.id(user)])
            for code in recoveryCodes {
                try transaction.run("INSERT INTO recovery_codes (digest, user_id) VALUES (?1, ?2)", [.digest(code), .id(user)])
            }
            return true
        }
    }

    package func accept(step: Int64, of user: UserID) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                UPDATE one_time_passwords SET last_step = ?2
                WHERE user_id = ?1 AND confirmed_at IS NOT NULL AND last_step < ?2
                """, [.id(user), .integer(step)]) == 1
        }
    }

    package func useRecoveryCode(_ digest: TokenDigest, of user: UserID, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "UPDATE recovery_codes SET used_at = ?3 WHERE digest = ?1 AND user_id = ?2 AND used_at IS NULL",
                [.digest(digest), .id(user), .time(now)]) == 1
        }
    }

    package func removeOneTimePassword(of user: UserID) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let wasThere = try transaction.run("DELETE FROM one_time_passwords WHERE user_id = ?1", [.id(user)]) == 1
            try transaction.dropUselessRecoveryCodes(of: user)
            return wasThere
        }
    }

    package func insertInvite(_ digest: TokenDigest, user: UserID, expiresAt: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM invites WHERE user_id = ?1", [.id(user)])
            try transaction.run(
                "INSERT INTO invites (digest, user_id, expires_at) VALUES (?1, ?2, ?3)",
                [.digest(digest), .id(user), .time(expiresAt)])
        }
    }

    package func invite(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> UserID? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT user_id FROM invites i JOIN users u ON u.id = i.user_id
                WHERE i.digest = ?1 AND i.expires_at > ?2 AND u.is_disabled = 0
                """, [.digest(digest), .time(now)]
            ) { row in UserID(row.text(0)) }
        }
    }

    package func acceptInvite(
        _ digest: TokenDigest, passwordHash: String, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let user = try transaction.first(
                "DELETE FROM invites WHERE digest = ?1 AND expires_at > ?2 RETURNING user_id", [.digest(digest), .time(now)]
            ) { row in UserID(row.text(0)) }
            guard let user else { return false }
            try transaction.run("UPDATE users SET password_hash = ?2 WHERE id = ?1", [.id(user), .text(passwordHash)])
            try transaction.endSessionsAndGrants(of: user, at: now)
            try transaction.bumpEpoch()
            return true
        }
    }
}
