/// Who of which OpenID provider is which user.
enum V005Identities {
    static let migration = Migration(
        number: 5,
        script: """
            CREATE TABLE identities (
                issuer TEXT NOT NULL,
                subject TEXT NOT NULL,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                linked_at INTEGER NOT NULL,
                PRIMARY KEY (issuer, subject)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX identities_user ON identities (user_id);
            """)
}
