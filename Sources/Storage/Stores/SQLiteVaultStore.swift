internal import OAuth
package import Primitives
package import Vault

/// The vault's rows in SQLite.
package struct SQLiteVaultStore: VaultStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func serviceKey() async throws(VaultError) -> [UInt8]? {
        try await read { connection throws(StoreError) in
            try connection.first("SELECT wrapped FROM vault_service_key WHERE id = 1") { row in row.blob(0) }
        }
    }

    package func insertServiceKey(_ wrapped: [UInt8]) async throws(VaultError) {
        try await write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT INTO vault_service_key (id, wrapped) VALUES (1, ?1) ON CONFLICT DO NOTHING", [.blob(wrapped)])
        }
    }

    package func userKey(of user: UserID) async throws(VaultError) -> WrappedUserKey? {
        try await read { connection throws(StoreError) in
            try connection.first(
                "SELECT user_id, key_id, wrapped, created_at FROM vault_user_keys WHERE user_id = ?1", [.id(user)],
                WrappedUserKey.init(row:))
        }
    }

    package func insertUserKey(_ key: WrappedUserKey, under serviceKey: [UInt8]) async throws(VaultError) {
        try await write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO vault_user_keys (user_id, key_id, wrapped, created_at)
                SELECT ?1, ?2, ?3, ?4 FROM vault_service_key WHERE id = 1 AND wrapped = ?5
                ON CONFLICT (user_id) DO NOTHING
                """, [.id(key.user), .text(key.keyID), .blob(key.wrapped), .time(key.createdAt), .blob(serviceKey)])
        }
    }

    package func userKeys() async throws(VaultError) -> [WrappedUserKey] {
        try await read { connection throws(StoreError) in
            try connection.all(
                "SELECT user_id, key_id, wrapped, created_at FROM vault_user_keys ORDER BY user_id", [], WrappedUserKey.init(row:))
        }
    }

    package func replaceKeys(
        serviceKey: (old: [UInt8], new: [UInt8]), userKeys: [(old: WrappedUserKey, new: WrappedUserKey)]
    ) async throws(VaultError) -> Bool {
        do throws(StoreError) {
            return try await database.write { transaction throws(StoreError) in
                let count = try transaction.first("SELECT count(*) FROM vault_user_keys") { row in row.count(0) }
                var changed = try transaction.run(
                    "UPDATE vault_service_key SET wrapped = ?2 WHERE id = 1 AND wrapped = ?1",
                    [.blob(serviceKey.old), .blob(serviceKey.new)])
                for pair in userKeys {
                    changed += try transaction.run(
                        "UPDATE vault_user_keys SET wrapped = ?3 WHERE user_id = ?1 AND wrapped = ?2",
                        [.id(pair.old.user), .blob(pair.old.wrapped), .blob(pair.new.wrapped)])
                }
                // Thrown so that the savepoint takes back the part that matched.
                guard count == userKeys.count, changed == userKeys.count + 1 else { throw StoreError(.conflict, "keys changed") }
                transaction.eraseLog()  // what the former root key opens must not linger
                return true
            }
        } catch {
            if error.code == .conflict { return false }
            throw VaultError(error)
        }
    }

    package func put(_ record: VaultRecord) async throws(VaultError) {
        try await write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO vault_records (user_id, engine, row_id, wrapped_key, commitment, sealed, stored_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                ON CONFLICT (user_id, engine) DO UPDATE SET row_id = excluded.row_id, wrapped_key = excluded.wrapped_key,
                    commitment = excluded.commitment, sealed = excluded.sealed, stored_at = excluded.stored_at,
                    last_ok_at = NULL, is_rejected = 0
                """,
                [
                    .id(record.user), .text(record.engine), .text(record.rowID), .blob(record.wrappedKey), .blob(record.commitment),
                    .blob(record.sealed), .time(record.storedAt),
                ])
        }
    }

    package func record(of user: UserID, engine: String) async throws(VaultError) -> (key: WrappedUserKey, record: VaultRecord)? {
        try await read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT k.user_id, k.key_id, k.wrapped, k.created_at,
                    r.user_id, r.engine, r.row_id, r.wrapped_key, r.commitment, r.sealed, r.stored_at
                FROM vault_records r JOIN vault_user_keys k ON k.user_id = r.user_id
                WHERE r.user_id = ?1 AND r.engine = ?2
                """, [.id(user), .text(engine)]
            ) { row in
                (
                    key: WrappedUserKey(row: row),
                    record: VaultRecord(
                        user: UserID(row.text(4)), engine: row.text(5), rowID: row.text(6), wrappedKey: row.blob(7),
                        commitment: row.blob(8), sealed: row.blob(9), storedAt: row.time(10))
                )
            }
        }
    }

    package func entries(of user: UserID) async throws(VaultError) -> [VaultEntry] {
        try await read { connection throws(StoreError) in
            try connection.all(
                "SELECT engine, stored_at, last_ok_at, is_rejected FROM vault_records WHERE user_id = ?1 ORDER BY engine",
                [.id(user)]
            ) { row in
                VaultEntry(engine: row.text(0), storedAt: row.time(1), lastOKAt: row.optionalTime(2), isRejected: row.flag(3))
            }
        }
    }

    /// Success is noted once a minute: otherwise every call would cost a write to disk.
    package func mark(_ user: UserID, engine: String, isRejected: Bool, at now: Timestamp) async throws(VaultError) {
        try await write { transaction throws(StoreError) in
            if isRejected {
                try transaction.run(
                    "UPDATE vault_records SET is_rejected = 1 WHERE user_id = ?1 AND engine = ?2 AND is_rejected = 0",
                    [.id(user), .text(engine)])
            } else {
                try transaction.run(
                    """
                    UPDATE vault_records SET is_rejected = 0, last_ok_at = ?3 WHERE user_id = ?1 AND engine = ?2
                        AND (is_rejected = 1 OR last_ok_at IS NULL OR last_ok_at <= ?3 - 60000)
                    """, [.id(user), .text(engine), .time(now)])
            }
        }
    }

    package func remove(_ user: UserID, engine: String) async throws(VaultError) -> Bool {
        try await write { transaction throws(StoreError) in
            let isRemoved =
                try transaction.run(
                    "DELETE FROM vault_records WHERE user_id = ?1 AND engine = ?2", [.id(user), .text(engine)]) == 1
            guard isRemoved else { return false }
            transaction.eraseLog()
            try transaction.bumpEpoch()
            return true
        }
    }

    @discardableResult
    private func write<T: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws(StoreError) -> T
    ) async throws(VaultError) -> T {
        do throws(StoreError) { return try await database.write(body) } catch { throw VaultError(error) }
    }

    private func read<T: Sendable>(
        _ body: @escaping @Sendable (borrowing Connection) throws(StoreError) -> T
    ) async throws(VaultError) -> T {
        do throws(StoreError) { return try await database.read(body) } catch { throw VaultError(error) }
    }
}

extension WrappedUserKey {
    fileprivate init(row: borrowing Statement) {
        self.init(user: UserID(row.text(0)), keyID: row.text(1), wrapped: row.blob(2), createdAt: row.time(3))
    }
}

extension VaultError {
    fileprivate init(_ error: StoreError) {
        switch error.code {
        case .unavailable: self.init(.unavailable, error.message)
        case .cannotWrite: self.init(.cannotWrite, error.message)
        case .conflict: self.init(.unknownUser, "no such user")  // the only name a vault row depends on
        case .incompatible, .internalError: self.init(.internalError, error.message)
        }
    }
}
