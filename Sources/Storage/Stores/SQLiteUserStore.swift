package import OAuth
package import Primitives

/// Users in SQLite.
package struct SQLiteUserStore: UserStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func insert(_ user: User, passwordHash: String?) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT INTO users (id, name, role, is_disabled, created_at, password_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                [
                    .id(user.id), .text(user.name), .text(user.role.rawValue), .flag(user.isDisabled), .time(user.createdAt),
                    .text(orNull: passwordHash),
                ])
        }
    }

    package func user(named name: String) async throws(StoreError) -> User? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT id, name, role, is_disabled, created_at FROM users WHERE name = ?1", [.text(name)], User.init(row:))
        }
    }

    package func user(_ id: UserID) async throws(StoreError) -> User? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT id, name, role, is_disabled, created_at FROM users WHERE id = ?1", [.id(id)], User.init(row:))
        }
    }

    package func passwordHash(of id: UserID) async throws(StoreError) -> String? {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT password_hash FROM users WHERE id = ?1", [.id(id)]) { row in row.optionalText(0) } ?? nil
        }
    }

    package func users() async throws(StoreError) -> [User] {
        try await database.read { connection throws(StoreError) in
            try connection.all("SELECT id, name, role, is_disabled, created_at FROM users ORDER BY name", [], User.init(row:))
        }
    }

    package func setPasswordHash(_ hash: String, of id: UserID, endingSessions: Bool, at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("UPDATE users SET password_hash = ?2 WHERE id = ?1", [.id(id), .text(hash)])
            guard endingSessions else { return }
            try transaction.endSessionsAndGrants(of: id, at: now)
            try transaction.bumpEpoch()
        }
    }

    package func endSessionsAndGrants(of id: UserID, at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.endSessionsAndGrants(of: id, at: now)
            try transaction.bumpEpoch()
        }
    }

    package func setRole(_ role: Role, of id: UserID) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("UPDATE users SET role = ?2 WHERE id = ?1", [.id(id), .text(role.rawValue)])
            try transaction.bumpEpoch()
        }
    }

    package func setDisabled(_ isDisabled: Bool, of id: UserID, at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("UPDATE users SET is_disabled = ?2 WHERE id = ?1", [.id(id), .flag(isDisabled)])
            guard isDisabled else { return }
            try transaction.endSessionsAndGrants(of: id, at: now)
            try transaction.run(
                "UPDATE tokens SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL", [.id(id), .time(now)])
            try transaction.bumpEpoch()
        }
    }

    package func remove(_ id: UserID) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM users WHERE id = ?1", [.id(id)])  // the rest goes by cascade
            transaction.eraseLog()
            try transaction.bumpEpoch()
        }
    }
}

extension User {
    /// From the columns id, name, role, is_disabled, created_at.
    init(row: borrowing Statement) throws(StoreError) {
        self.init(
            id: UserID(row.text(0)), name: row.text(1), role: try row.word(2), isDisabled: row.flag(3), createdAt: row.time(4))
    }
}

extension Transaction {
    /// RT-7. Personal tokens stand: they are no sign-in.
    func endSessionsAndGrants(of id: UserID, at now: Timestamp) throws(StoreError) {
        try run("DELETE FROM sessions WHERE user_id = ?1", [.id(id)])
        try run("DELETE FROM login_transactions WHERE user_id = ?1", [.id(id)])
        try run("UPDATE grants SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL", [.id(id), .time(now)])
    }
}
