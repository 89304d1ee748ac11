/// Upstream keys under envelope encryption (VLT-1). Deleting a user's row here makes every record of theirs unreadable for good.
enum V002Vault {
    static let migration = Migration(
        number: 2,
        script: """
            CREATE TABLE vault_service_key (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                wrapped BLOB NOT NULL
            ) STRICT;

            CREATE TABLE vault_user_keys (
                user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
                key_id TEXT NOT NULL,
                wrapped BLOB NOT NULL,
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE vault_records (
                user_id TEXT NOT NULL REFERENCES vault_user_keys (user_id) ON DELETE CASCADE,
                engine TEXT NOT NULL,
                row_id TEXT NOT NULL UNIQUE,
                wrapped_key BLOB NOT NULL,
                commitment BLOB NOT NULL,
                sealed BLOB NOT NULL,
                stored_at INTEGER NOT NULL,
                last_ok_at INTEGER,
                is_rejected INTEGER NOT NULL DEFAULT 0 CHECK (is_rejected IN (0, 1)),
                PRIMARY KEY (user_id, engine)
            ) STRICT, WITHOUT ROWID;
            """)
}
