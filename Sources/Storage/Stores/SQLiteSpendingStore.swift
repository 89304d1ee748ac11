package import OAuth
package import Primitives

/// What tasks of users cost, kept beyond the task for the rest of its day.
package struct SQLiteSpendingStore: Sendable {
    /// The cost of one task.
    package struct Cost: Sendable, Hashable {
        package let task: String
        package let coreHours: Double
        package let euros: Double

        package init(task: String, coreHours: Double, euros: Double) {
            self.task = task
            self.coreHours = coreHours
            self.euros = euros
        }
    }

    private let database: Database

    package init(_ database: Database) { self.database = database }

    /// Keeps a cost, or replaces what was kept of that task. On disk when this returns.
    package func keep(_ cost: Cost, of user: UserID, day: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run(
                """
                INSERT INTO spending (user_id, day, task, core_hours, euros) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT DO UPDATE SET core_hours = excluded.core_hours, euros = excluded.euros
                """, [.id(user), .time(day), .text(cost.task), .real(cost.coreHours), .real(cost.euros)])
        }
    }

    package func costs(of user: UserID, day: Timestamp) async throws(StoreError) -> [Cost] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT task, core_hours, euros FROM spending WHERE user_id = ?1 AND day = ?2", [.id(user), .time(day)]
            ) { row in Cost(task: row.text(0), coreHours: row.real(1), euros: row.real(2)) }
        }
    }

    /// Forgets days before that one.
    package func prune(before day: Timestamp) async throws(StoreError) {
        try await database.write { transaction throws(StoreError) in
            try transaction.run("DELETE FROM spending WHERE day < ?1", [.time(day)])
        }
    }
}
