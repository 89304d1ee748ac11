/// Users, clients, sessions, grants and tokens. docs/storage.md explains each column. Times are milliseconds of UTC since 1970.
enum V001Accounts {
    static let migration = Migration(
        number: 1,
        script: """
            CREATE TABLE revocation_epoch (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                value INTEGER NOT NULL
            ) STRICT;
            INSERT INTO revocation_epoch (id, value) VALUES (1, 1);

            CREATE TABLE users (
                id TEXT PRIMARY KEY,
                name TEXT NOT NULL UNIQUE,
                role TEXT NOT NULL,
                is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
                password_hash TEXT,
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE clients (
                id TEXT PRIMARY KEY,
                kind TEXT NOT NULL,
                name TEXT NOT NULL,
                redirect_uris TEXT NOT NULL,
                authentication_method TEXT NOT NULL,
                secret_digest BLOB,
                grant_types TEXT NOT NULL,
                scope_limit TEXT,
                created_at INTEGER NOT NULL,
                last_used_at INTEGER,
                expires_at INTEGER,
                metadata_fresh_until INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX clients_unused ON clients (created_at) WHERE kind = 'dynamic' AND last_used_at IS NULL;
            CREATE INDEX clients_expiry ON clients (expires_at) WHERE kind = 'dynamic';

            CREATE TABLE sessions (
                digest BLOB PRIMARY KEY,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                authenticated_at INTEGER NOT NULL,
                idle_until INTEGER NOT NULL,
                ends_at INTEGER NOT NULL,
                address TEXT NOT NULL,
                user_agent TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX sessions_user ON sessions (user_id);
            CREATE INDEX sessions_idle ON sessions (idle_until);

            CREATE TABLE login_transactions (
                number INTEGER PRIMARY KEY,
                id TEXT NOT NULL UNIQUE,
                browser BLOB NOT NULL,
                request TEXT NOT NULL,
                user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
                authenticated_at INTEGER,
                created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX login_transactions_browser ON login_transactions (browser);
            CREATE INDEX login_transactions_user ON login_transactions (user_id);
            CREATE INDEX login_transactions_expiry ON login_transactions (expires_at);

            CREATE TABLE grants (
                id TEXT PRIMARY KEY,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
                scopes TEXT NOT NULL,
                resource TEXT NOT NULL,
                redirect_uri TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                ends_at INTEGER NOT NULL,
                revoked_at INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX grants_user ON grants (user_id);
            CREATE INDEX grants_client ON grants (client_id);

            CREATE TABLE codes (
                digest BLOB PRIMARY KEY,
                grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
                challenge TEXT NOT NULL,
                expires_at INTEGER NOT NULL,
                consumed_at INTEGER,
                failed_attempts INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX codes_grant ON codes (grant_id);

            CREATE TABLE refresh_tokens (
                digest BLOB PRIMARY KEY,
                grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
                generation INTEGER NOT NULL,
                issued_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL,
                superseded_at INTEGER,
                sealed_successor BLOB,
                is_successor_used INTEGER NOT NULL DEFAULT 0 CHECK (is_successor_used IN (0, 1)),
                UNIQUE (grant_id, generation)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX refresh_tokens_sealed ON refresh_tokens (superseded_at) WHERE sealed_successor IS NOT NULL;

            CREATE TABLE tokens (
                digest BLOB PRIMARY KEY,
                id TEXT NOT NULL UNIQUE,
                kind TEXT NOT NULL,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                grant_id TEXT REFERENCES grants (id) ON DELETE CASCADE,
                name TEXT,
                scopes TEXT NOT NULL,
                issued_at INTEGER NOT NULL,
                expires_at INTEGER,
                revoked_at INTEGER,
                CHECK ((kind = 'access_token') = (grant_id IS NOT NULL))
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX tokens_user ON tokens (user_id);
            CREATE INDEX tokens_grant ON tokens (grant_id);
            CREATE INDEX tokens_expiry ON tokens (expires_at);
            CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;
            """)
}
