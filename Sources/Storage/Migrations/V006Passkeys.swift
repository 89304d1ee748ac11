/// Passkeys, and how each session was proven.
enum V006Passkeys {
    static let migration = Migration(
        number: 6,
        script: """
            CREATE TABLE passkey_handles (
                user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
                handle BLOB NOT NULL UNIQUE
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE passkeys (
                credential_id BLOB PRIMARY KEY,
                id TEXT NOT NULL UNIQUE,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                name TEXT NOT NULL,
                public_key BLOB NOT NULL,
                model BLOB NOT NULL,
                counter INTEGER NOT NULL,
                was_verified INTEGER NOT NULL CHECK (was_verified IN (0, 1)),
                is_backup_eligible INTEGER NOT NULL CHECK (is_backup_eligible IN (0, 1)),
                is_backed_up INTEGER NOT NULL CHECK (is_backed_up IN (0, 1)),
                created_at INTEGER NOT NULL,
                last_used_at INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX passkeys_user ON passkeys (user_id);

            ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT '';
            """)
}
