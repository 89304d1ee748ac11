package import OAuth
package import Primitives

/// Failed attempts as they are kept; what they mean is for the throttle to say.
package struct StoredAttempts: Sendable, Hashable {
    /// A keyed digest of whom it counts.
    package let key: [UInt8]
    package let kind: Int
    package let failures: Int
    package let accounts: Int
    package let since: Timestamp
    package let lastFailure: Timestamp
    /// From then on it counts for nothing.
    package let endsAt: Timestamp

    package init(
        key: [UInt8], kind: Int, failures: Int, accounts: Int, since: Timestamp, lastFailure: Timestamp, endsAt: Timestamp
    ) {
        self.key = key
        self.kind = kind
        self.failures = failures
        self.accounts = accounts
        self.since = since
        self.lastFailure = lastFailure
        self.endsAt = endsAt
    }
}

/// Failed attempts to sign in, so that a restart forgets none (BF-1).
package struct SQLiteAttemptStore: Sendable {
    private let database: Database
    /// The most rows kept: those that end last.
    private static let capacity = 200_000

    package init(_ database: Database) { self.database = database }

    package func keep(_ counters: [StoredAttempts]) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            for counter in counters {
                try transaction.run(
                    """
                    INSERT OR REPLACE INTO attempts (key, kind, failures, accounts, since, last_failure_at, ends_at)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                    """,
                    [
                        .blob(counter.key), .count(counter.kind), .count(counter.failures), .count(counter.accounts),
                        .time(counter.since), .time(counter.lastFailure), .time(counter.endsAt),
                    ])
            }
        }
    }

    package func forget(_ keys: [[UInt8]]) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            for key in keys { try transaction.run("DELETE FROM attempts WHERE key = ?1", [.blob(key)]) }
        }
    }

    /// Those that end last first.
    package func counters() async throws(StoreError) -> [StoredAttempts] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT key, kind, failures, accounts, since, last_failure_at, ends_at FROM attempts
                ORDER BY ends_at DESC LIMIT ?1
                """, [.count(Self.capacity)]
            ) { row in
                StoredAttempts(
                    key: row.blob(0), kind: row.count(1), failures: row.count(2), accounts: row.count(3), since: row.time(4),
                    lastFailure: row.time(5), endsAt: row.time(6))
            }
        }
    }

    /// Deletes what is over, and what is beyond the bound.
    package func prune(at now: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                DELETE FROM attempts WHERE ends_at <= ?1
                    OR ends_at < (SELECT ends_at FROM attempts ORDER BY ends_at DESC LIMIT 1 OFFSET ?2)
                """, [.time(now), .count(Self.capacity)])
        }
    }
}
