/// Failed attempts to sign in, so that a restart forgets none (BF-1).
enum V011Attempts {
    static let migration = Migration(
        number: 11,
        script: """
            CREATE TABLE attempts (
                key BLOB PRIMARY KEY,
                kind INTEGER NOT NULL,
                failures INTEGER NOT NULL,
                accounts INTEGER NOT NULL,
                since INTEGER NOT NULL,
                last_failure_at INTEGER NOT NULL,
                ends_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX attempts_end ON attempts (ends_at);
            """)
}
