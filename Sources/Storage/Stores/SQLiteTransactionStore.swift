package import OAuth
package import Primitives

/// Login transactions in SQLite.
package struct SQLiteTransactionStore: TransactionStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func insert(_ login: LoginTransaction, perBrowser: Int, total: Int) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM login_transactions WHERE expires_at <= ?1", [.time(login.createdAt)])
            try transaction.run(
                """
                INSERT INTO login_transactions (id, browser, request, user_id, authenticated_at, created_at, expires_at, methods)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                """,
                [
                    .text(login.id), .digest(login.browser), .text(login.request.json.text), .id(orNull: login.userID),
                    .time(orNull: login.authenticatedAt), .time(login.createdAt), .time(login.expiresAt),
                    .text(login.methods.text),
                ])
            // Numbers grow with each insertion, so the greatest are the newest.
            try transaction.run(
                """
                DELETE FROM login_transactions WHERE number IN (
                    SELECT number FROM login_transactions WHERE browser = ?1 ORDER BY number DESC LIMIT -1 OFFSET ?2)
                """, [.digest(login.browser), .count(max(0, perBrowser))])
            try transaction.run(
                """
                DELETE FROM login_transactions WHERE number IN (
                    SELECT number FROM login_transactions ORDER BY number DESC LIMIT -1 OFFSET ?1)
                """, [.count(max(0, total))])
        }
    }

    package func transaction(_ id: String, at now: Timestamp) async throws(StoreError) -> LoginTransaction? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT id, browser, request, user_id, authenticated_at, created_at, expires_at, methods
                FROM login_transactions WHERE id = ?1 AND expires_at > ?2
                """, [.text(id), .time(now)], LoginTransaction.init(row:))
        }
    }

    package func setUser(
        _ userID: UserID, by methods: AuthenticationMethods, authenticatedAt: Timestamp, of id: String
    ) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "UPDATE login_transactions SET user_id = ?2, authenticated_at = ?3, methods = ?4 WHERE id = ?1",
                [.text(id), .id(userID), .time(authenticatedAt), .text(methods.text)])
        }
    }

    package func consume(_ id: String) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM login_transactions WHERE id = ?1", [.text(id)]) == 1
        }
    }
}

extension LoginTransaction {
    fileprivate init(row: borrowing Statement) throws(StoreError) {
        guard let json = try? JSONValue(parsing: row.text(2)), let request = AuthorizationRequest(json: json) else {
            throw StoreError(.incompatible, "a row of login_transactions is damaged")
        }
        self.init(
            id: row.text(0), browser: row.digest(1), request: request, userID: row.optionalText(3).map { UserID($0) },
            authenticatedAt: row.optionalTime(4), createdAt: row.time(5), expiresAt: row.time(6))
        methods = AuthenticationMethods(text: row.text(7))
    }
}
