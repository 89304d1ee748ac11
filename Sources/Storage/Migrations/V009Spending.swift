/// What deleted tasks cost on their day: their engine forgets them, budgets must not.
enum V009Spending {
    static let migration = Migration(
        number: 9,
        script: """
            CREATE TABLE spending (
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                day INTEGER NOT NULL,
                task TEXT NOT NULL,
                core_hours REAL NOT NULL,
                euros REAL NOT NULL,
                PRIMARY KEY (user_id, day, task)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX spending_day ON spending (day);
            """)
}
