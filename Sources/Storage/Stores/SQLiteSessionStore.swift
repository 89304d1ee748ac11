package import OAuth
package import Primitives

/// Browser sessions in SQLite.
package struct SQLiteSessionStore: SessionStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func insert(_ session: BrowserSession, under digest: TokenDigest) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO sessions (digest, user_id, authenticated_at, idle_until, ends_at, address, user_agent, methods)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                """,
                [
                    .digest(digest), .id(session.userID), .time(session.authenticatedAt), .time(session.idleUntil),
                    .time(session.endsAt), .text(session.address), .text(session.userAgent), .text(session.methods.text),
                ])
        }
    }

    package func session(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> BrowserSession? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT s.user_id, s.authenticated_at, s.idle_until, s.ends_at, s.address, s.user_agent, s.methods
                FROM sessions s JOIN users u ON u.id = s.user_id
                WHERE s.digest = ?1 AND s.idle_until > ?2 AND s.ends_at > ?2 AND u.is_disabled = 0
                """, [.digest(digest), .time(now)]
            ) { row in row.session(methods: 6) }
        }
    }

    package func extend(_ digest: TokenDigest, idleUntil: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "UPDATE sessions SET idle_until = min(?2, ends_at) WHERE digest = ?1", [.digest(digest), .time(idleUntil)])
        }
    }

    package func remove(_ digest: TokenDigest) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM sessions WHERE digest = ?1", [.digest(digest)])
        }
    }

    package func sessions(of user: UserID?, at now: Timestamp) async throws(StoreError) -> [SessionSummary] {
        try await database.read { connection throws(StoreError) in try connection.sessions(of: user, at: now) }
            .map { SessionSummary(id: $0.digest.summaryID, username: $0.username, session: $0.session) }
    }

    package func remove(id: String, of user: UserID?, at now: Timestamp) async throws(StoreError) -> Bool {
        let all = try await database.read { connection throws(StoreError) in try connection.sessions(of: user, at: now) }
        guard let found = all.first(where: { $0.digest.summaryID == id }) else { return false }
        try await remove(found.digest)
        return true
    }

    package func prune(at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM sessions WHERE idle_until <= ?1 OR ends_at <= ?1", [.time(now)])
        }
    }
}

extension Connection {
    fileprivate borrowing func sessions(
        of user: UserID?, at now: Timestamp
    ) throws(StoreError) -> [(digest: TokenDigest, username: String, session: BrowserSession)] {
        try all(
            """
            SELECT s.user_id, s.authenticated_at, s.idle_until, s.ends_at, s.address, s.user_agent, s.digest, u.name, s.methods
            FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE (?1 IS NULL OR s.user_id = ?1) AND s.idle_until > ?2 AND s.ends_at > ?2 AND u.is_disabled = 0
            ORDER BY s.authenticated_at DESC, s.digest LIMIT 1000
            """, [.id(orNull: user), .time(now)]
        ) { row in (row.digest(6), row.text(7), row.session(methods: 8)) }
    }
}

extension Statement {
    /// From the columns user_id, authenticated_at, idle_until, ends_at, address, user_agent, and where `methods` is.
    fileprivate borrowing func session(methods column: CInt) -> BrowserSession {
        var session = BrowserSession(
            userID: UserID(text(0)), authenticatedAt: time(1), idleUntil: time(2), endsAt: time(3), address: text(4),
            userAgent: text(5))
        session.methods = AuthenticationMethods(text: text(column))
        return session
    }
}
