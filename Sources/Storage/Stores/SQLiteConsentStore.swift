package import OAuth
package import Primitives

/// Consents in SQLite.
package struct SQLiteConsentStore: ConsentStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func keep(_ consent: Consent) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT OR REPLACE INTO consents (user_id, client_id, redirect_host, resource, scopes, metadata_hash, given_at,
                    expires_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                """,
                [
                    .id(consent.userID), .id(consent.clientID), .text(consent.redirectHost), .text(consent.resource),
                    .scopes(consent.scopes), .text(consent.metadataHash), .time(consent.givenAt), .time(consent.expiresAt),
                ])
        }
    }

    package func consent(of user: UserID, client: ClientID, redirectHost: String, resource: String, at now: Timestamp)
        async throws(StoreError) -> Consent?
    {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT scopes, metadata_hash, given_at, expires_at FROM consents
                WHERE user_id = ?1 AND client_id = ?2 AND redirect_host = ?3 AND resource = ?4 AND expires_at > ?5
                """, [.id(user), .id(client), .text(redirectHost), .text(resource), .time(now)]
            ) { row in
                Consent(
                    userID: user, clientID: client, redirectHost: redirectHost, resource: resource, scopes: row.scopes(0),
                    metadataHash: row.text(1), givenAt: row.time(2), expiresAt: row.time(3))
            }
        }
    }

    package func forget(user: UserID, client: ClientID) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM consents WHERE user_id = ?1 AND client_id = ?2", [.id(user), .id(client)])
        }
    }
}
