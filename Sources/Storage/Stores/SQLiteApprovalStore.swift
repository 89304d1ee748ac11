package import OAuth
package import Primitives

/// Clients that wait for an administrator, in SQLite.
package struct SQLiteApprovalStore: ApprovalStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func ask(
        for client: ClientID, user: UserID, redirectHost: String, scopes: ScopeSet, perUser: Int, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let known = try transaction.first(
                "SELECT 1 FROM client_requests WHERE client_id = ?1 AND user_id = ?2", [.id(client), .id(user)]
            ) { row in row.count(0) }
            try transaction.run(
                """
                INSERT OR REPLACE INTO client_requests (client_id, user_id, redirect_host, scopes, asked_at)
                VALUES (?1, ?2, ?3, ?4, ?5)
                """, [.id(client), .id(user), .text(redirectHost), .scopes(scopes), .time(now)])
            try transaction.run(
                """
                DELETE FROM client_requests WHERE user_id = ?1 AND client_id NOT IN (
                    SELECT client_id FROM client_requests WHERE user_id = ?1 ORDER BY asked_at DESC, client_id LIMIT ?2)
                """, [.id(user), .count(max(0, perUser))])
            return known == nil
        }
    }

    package func pending() async throws(StoreError) -> [ClientRequest] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT c.id, c.kind, c.name, c.redirect_uris, c.authentication_method, c.secret_digest, c.grant_types, c.scope_limit,
                    c.created_at, c.last_used_at, c.expires_at, c.metadata_fresh_until,
                    c.keys, c.registration_digest, c.service_user_id, c.is_introspector, c.requires_pushed_requests, c.is_pinned,
                    c.approved_at, u.name, r.redirect_host, r.scopes, r.asked_at
                FROM client_requests r JOIN clients c ON c.id = r.client_id JOIN users u ON u.id = r.user_id
                WHERE c.approved_at IS NULL AND u.is_disabled = 0 ORDER BY r.asked_at DESC, c.id LIMIT 500
                """, []
            ) { row throws(StoreError) in
                ClientRequest(
                    client: try Client(row: row), username: row.text(19), redirectHost: row.text(20), scopes: row.scopes(21),
                    askedAt: row.time(22))
            }
        }
    }

    package func setApproved(_ isApproved: Bool, client: ClientID, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM client_requests WHERE client_id = ?1", [.id(client)])
            return try transaction.run(
                "UPDATE clients SET approved_at = ?2 WHERE id = ?1", [.id(client), .time(orNull: isApproved ? now : nil)]) == 1
        }
    }
}
