package import OAuth
package import Primitives

/// OAuth clients in SQLite.
package struct SQLiteClientStore: ClientStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func insert(_ client: Client) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO clients (id, kind, name, redirect_uris, authentication_method, secret_digest, grant_types, scope_limit,
                    created_at, last_used_at, expires_at, metadata_fresh_until,
                    keys, registration_digest, service_user_id, is_introspector, requires_pushed_requests, is_pinned, approved_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
                """, client.values)
        }
    }

    /// An update in place: replacing the row would take the client's grants with it. What the document does not say stays.
    package func upsert(_ client: Client) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            let changed = try transaction.run(
                """
                INSERT INTO clients (id, kind, name, redirect_uris, authentication_method, secret_digest, grant_types, scope_limit,
                    created_at, last_used_at, expires_at, metadata_fresh_until,
                    keys, registration_digest, service_user_id, is_introspector, requires_pushed_requests, is_pinned, approved_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris,
                    authentication_method = excluded.authentication_method, secret_digest = excluded.secret_digest,
                    grant_types = excluded.grant_types, scope_limit = excluded.scope_limit,
                    last_used_at = coalesce(excluded.last_used_at, last_used_at), expires_at = excluded.expires_at,
                    metadata_fresh_until = excluded.metadata_fresh_until, keys = excluded.keys,
                    is_pinned = excluded.is_pinned,
                    approved_at = CASE WHEN name IS excluded.name AND redirect_uris IS excluded.redirect_uris
                        AND authentication_method IS excluded.authentication_method AND keys IS excluded.keys THEN approved_at END
                WHERE kind = excluded.kind
                """, client.values)
            guard changed == 1 else { throw StoreError(.conflict, "a client of another kind has this id") }
        }
    }

    package func client(_ id: ClientID, at now: Timestamp) async throws(StoreError) -> Client? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT id, kind, name, redirect_uris, authentication_method, secret_digest, grant_types, scope_limit,
                    created_at, last_used_at, expires_at, metadata_fresh_until,
                    keys, registration_digest, service_user_id, is_introspector, requires_pushed_requests, is_pinned, approved_at
                FROM clients WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2)
                """, [.id(id), .time(now)], Client.init(row:))
        }
    }

    package func clients() async throws(StoreError) -> [Client] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT id, kind, name, redirect_uris, authentication_method, secret_digest, grant_types, scope_limit,
                    created_at, last_used_at, expires_at, metadata_fresh_until,
                    keys, registration_digest, service_user_id, is_introspector, requires_pushed_requests, is_pinned, approved_at
                FROM clients ORDER BY created_at DESC, id
                """, [], Client.init(row:))
        }
    }

    package func update(_ client: Client) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                UPDATE clients SET name = ?2, redirect_uris = ?3, authentication_method = ?4, secret_digest = ?5, grant_types = ?6,
                    scope_limit = ?7, keys = ?8, registration_digest = ?9, approved_at = ?10
                WHERE id = ?1
                """,
                [
                    .id(client.id), .text(client.name), .text(JSONValue.strings(client.redirectURIs).text),
                    .text(client.authenticationMethod.rawValue), .digest(orNull: client.secretDigest),
                    .text(JSONValue.strings(client.grantTypes).text), .text(orNull: client.scopeLimit?.description),
                    .text(orNull: client.keys?.json.text), .digest(orNull: client.registrationDigest),
                    .time(orNull: client.approvedAt),
                ]) == 1
        }
    }

    package func markUsed(_ id: ClientID, at now: Timestamp, expiresAt: Timestamp?) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "UPDATE clients SET last_used_at = ?2, expires_at = ?3 WHERE id = ?1",
                [.id(id), .time(now), .time(orNull: expiresAt)])
        }
    }

    package func remove(_ id: ClientID) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isRemoved = try transaction.run("DELETE FROM clients WHERE id = ?1", [.id(id)]) == 1
            if isRemoved { try transaction.bumpEpoch() }
            return isRemoved
        }
    }

    package func prune(at now: Timestamp, unusedLimit: Int) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            let expired = try transaction.run("DELETE FROM clients WHERE kind = 'dynamic' AND expires_at <= ?1", [.time(now)])
            try transaction.run(
                """
                DELETE FROM clients WHERE id IN (
                    SELECT id FROM clients WHERE kind = 'dynamic' AND last_used_at IS NULL
                    ORDER BY created_at DESC, id LIMIT -1 OFFSET ?1)
                """, [.count(max(0, unusedLimit))])
            if expired > 0 { try transaction.bumpEpoch() }  // some may have had tokens
        }
    }
}

extension Client {
    /// In the order of the columns below.
    fileprivate var values: [Value] {
        [
            .id(id), .text(kind.rawValue), .text(name), .text(JSONValue.strings(redirectURIs).text),
            .text(authenticationMethod.rawValue), .digest(orNull: secretDigest), .text(JSONValue.strings(grantTypes).text),
            .text(orNull: scopeLimit?.description), .time(createdAt), .time(orNull: lastUsedAt), .time(orNull: expiresAt),
            .time(orNull: metadataFreshUntil), .text(orNull: keys?.json.text), .digest(orNull: registrationDigest),
            .id(orNull: serviceUserID), .flag(isIntrospector), .flag(requiresPushedRequests), .flag(isPinned),
            .time(orNull: approvedAt),
        ]
    }

    /// From all columns in the order of the table.
    init(row: borrowing Statement) throws(StoreError) {
        self.init(
            id: ClientID(row.text(0)), kind: try row.word(1), name: row.text(2), redirectURIs: try row.strings(3),
            authenticationMethod: try row.word(4), secretDigest: row.optionalBlob(5).map { TokenDigest(bytes: $0) },
            grantTypes: try row.strings(6), scopeLimit: row.optionalText(7).map { ScopeSet(text: $0) }, createdAt: row.time(8),
            lastUsedAt: row.optionalTime(9), expiresAt: row.optionalTime(10), metadataFreshUntil: row.optionalTime(11))
        keys = try row.optionalText(12).map { text throws(StoreError) in
            guard let keys = (try? JSONValue(parsing: text)).flatMap(Client.Keys.init) else {
                throw StoreError(.incompatible, "a row of clients is damaged")
            }
            return keys
        }
        registrationDigest = row.optionalBlob(13).map { TokenDigest(bytes: $0) }
        serviceUserID = row.optionalText(14).map { UserID($0) }
        isIntrospector = row.flag(15)
        requiresPushedRequests = row.flag(16)
        isPinned = row.flag(17)
        approvedAt = row.optionalTime(18)
    }
}

extension Client.Keys {
    fileprivate var json: JSONValue {
        switch self {
        case .set(let set): ["jwks": set]
        case .uri(let uri): ["jwks_uri": .string(uri)]
        case .subject(let name): ["common_name": .string(name)]
        case .alternativeName(let name): name.json
        }
    }

    fileprivate init?(json: JSONValue) {
        if let set = json["jwks"] {
            self = .set(set)
        } else if let uri = json["jwks_uri"]?.string {
            self = .uri(uri)
        } else if let name = json["common_name"]?.string {
            self = .subject(name)
        } else {
            guard let name = Client.Keys.alternativeName(json: json) else { return nil }
            self = name
        }
    }
}

extension Statement {
    /// A JSON array of strings.
    fileprivate func strings(_ column: CInt) throws(StoreError) -> [String] {
        guard let array = (try? JSONValue(parsing: text(column)))?.array else {
            throw StoreError(.incompatible, "a row of clients is damaged")
        }
        return array.compactMap(\.string)
    }
}
