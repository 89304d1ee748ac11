package import OAuth
package import Primitives

/// Consents in SQLite.
package struct SQLiteConsentStore: ConsentStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func keep(_ consent: Consent) async throws(StoreError) -> ConsentID {
        try await database.write { transaction throws(StoreError) in
            let kept = try transaction.first(
                """
                INSERT INTO consents (id, user_id, client_id, redirect_host, resource, scopes, metadata_hash, given_at, expires_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                ON CONFLICT (user_id, client_id, redirect_host, resource) DO UPDATE SET scopes = excluded.scopes,
                    metadata_hash = excluded.metadata_hash, given_at = excluded.given_at, expires_at = excluded.expires_at
                RETURNING id
                """,
                [
                    .id(consent.id), .id(consent.userID), .id(consent.clientID), .text(consent.redirectHost),
                    .text(consent.resource), .scopes(consent.scopes), .text(consent.metadataHash), .time(consent.givenAt),
                    .time(consent.expiresAt),
                ]
            ) { row in ConsentID(row.text(0)) }
            return kept ?? consent.id
        }
    }

    package func consent(of user: UserID, client: ClientID, redirectHost: String, resource: String, at now: Timestamp)
        async throws(StoreError) -> Consent?
    {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT id, scopes, metadata_hash, given_at, expires_at FROM consents
                WHERE user_id = ?1 AND client_id = ?2 AND redirect_host = ?3 AND resource = ?4 AND expires_at > ?5
                """, [.id(user), .id(client), .text(redirectHost), .text(resource), .time(now)]
            ) { row in
                Consent(
                    id: ConsentID(row.text(0)), userID: user, clientID: client, redirectHost: redirectHost, resource: resource,
                    scopes: row.scopes(1), metadataHash: row.text(2), givenAt: row.time(3), expiresAt: row.time(4))
            }
        }
    }

    package func forget(user: UserID, client: ClientID) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM consents WHERE user_id = ?1 AND client_id = ?2", [.id(user), .id(client)])
        }
    }
}
