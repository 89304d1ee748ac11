/// By which words the audit log calls people, apart from the log: whoever's row goes is nobody in it any more.
enum V013Pseudonyms {
    static let migration = Migration(
        number: 13,
        script: """
            CREATE TABLE pseudonyms (
                name TEXT PRIMARY KEY,
                word TEXT NOT NULL UNIQUE,
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            """)
}
