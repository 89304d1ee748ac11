/// Second factors and invitations.
enum V004People {
    static let migration = Migration(
        number: 4,
        script: """
            CREATE TABLE one_time_passwords (
                user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
                confirmed_at INTEGER,
                last_step INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE recovery_codes (
                digest BLOB PRIMARY KEY,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                used_at INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX recovery_codes_user ON recovery_codes (user_id);

            CREATE TABLE invites (
                digest BLOB PRIMARY KEY,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                expires_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX invites_user ON invites (user_id);
            """)
}
