package import OAuth
package import Primitives

/// Device authorizations in SQLite.
package struct SQLiteDeviceStore: DeviceStore {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    package func insert(
        _ authorization: DeviceAuthorization, deviceCode: TokenDigest, userCode: TokenDigest, interval: Duration
    ) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO device_authorizations (digest, user_code, client_id, scopes, resource, address, expires_at, interval)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                """,
                [
                    .digest(deviceCode), .digest(userCode), .id(authorization.clientID), .scopes(authorization.scopes),
                    .text(authorization.resource), .text(authorization.address), .time(authorization.expiresAt),
                    .integer(interval.milliseconds),
                ])
        }
    }

    package func pending(userCode: TokenDigest, at now: Timestamp) async throws(StoreError) -> DeviceAuthorization? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT client_id, scopes, resource, address, expires_at FROM device_authorizations
                WHERE user_code = ?1 AND expires_at > ?2 AND is_denied = 0 AND grant_id IS NULL
                """, [.digest(userCode), .time(now)]
            ) { row in
                DeviceAuthorization(
                    clientID: ClientID(row.text(0)), scopes: row.scopes(1), resource: row.text(2), address: row.text(3),
                    expiresAt: row.time(4))
            }
        }
    }

    package func approve(userCode: TokenDigest, grant: Grant, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isWaiting = try transaction.first(
                """
                SELECT 1 FROM device_authorizations
                WHERE user_code = ?1 AND expires_at > ?2 AND is_denied = 0 AND grant_id IS NULL
                """, [.digest(userCode), .time(now)]
            ) { _ in true }
            guard isWaiting == true else { return false }
            try transaction.insert(grant)
            return try transaction.run(
                "UPDATE device_authorizations SET grant_id = ?2 WHERE user_code = ?1", [.digest(userCode), .id(grant.id)]) == 1
        }
    }

    package func deny(userCode: TokenDigest, at now: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                UPDATE device_authorizations SET is_denied = 1
                WHERE user_code = ?1 AND expires_at > ?2 AND is_denied = 0 AND grant_id IS NULL
                """, [.digest(userCode), .time(now)]) == 1
        }
    }

    package func poll(
        _ deviceCode: TokenDigest, client: ClientID, access: NewAccessToken, refresh: NewRefreshToken?, at now: Timestamp
    ) async throws(StoreError) -> DevicePoll {
        try await database.write { transaction throws(StoreError) in
            let state = try transaction.first(
                """
                SELECT expires_at, interval, polled_at, is_denied, grant_id, consumed_at FROM device_authorizations
                WHERE digest = ?1 AND client_id = ?2
                """, [.digest(deviceCode), .id(client)]
            ) { row in
                (
                    expiresAt: row.time(0), interval: Duration.milliseconds(row.integer(1)), polledAt: row.optionalTime(2),
                    isDenied: row.flag(3), grant: row.optionalText(4).map { GrantID($0) }, isConsumed: !row.isNull(5)
                )
            }
            guard let state, !state.isConsumed else { return .unknown }
            if state.isDenied { return .denied }
            guard now < state.expiresAt else { return .expired }
            guard let grant = state.grant else {
                let isTooSoon = state.polledAt.map { now - $0 < state.interval } ?? false
                try transaction.run(
                    "UPDATE device_authorizations SET polled_at = ?2, interval = interval + ?3 WHERE digest = ?1",
                    [.digest(deviceCode), .time(now), .integer(isTooSoon ? 5000 : 0)])
                return isTooSoon ? .slowDown : .pending
            }
            let record = try transaction.first(
                """
                SELECT g.id, g.user_id, g.client_id, g.scopes, g.resource, g.redirect_uri, g.created_at, g.ends_at,
                    g.authenticated_at, g.confirmation, g.flow, g.is_offline, g.methods
                FROM grants g JOIN users u ON u.id = g.user_id
                WHERE g.id = ?1 AND g.revoked_at IS NULL AND u.is_disabled = 0
                """, [.id(grant)]
            ) { row in Grant(row: row) }
            guard let record else { return .denied }
            try transaction.run(
                "UPDATE device_authorizations SET consumed_at = ?2 WHERE digest = ?1", [.digest(deviceCode), .time(now)])
            try transaction.insert(
                NewAccessToken(
                    digest: access.digest, scopes: record.scopes, issuedAt: access.issuedAt, expiresAt: access.expiresAt,
                    confirmation: access.confirmation), of: grant)
            if let refresh { try transaction.insert(refresh, generation: 1, of: grant) }
            return .approved(record)
        }
    }
}
