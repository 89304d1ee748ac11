/// What the whole authorization server needs beyond the code grant: managed and machine clients, bound tokens, pushed requests,
/// device codes, remembered consent, single-use values.
enum V003Authorization {
    static let migration = Migration(
        number: 3,
        script: """
            ALTER TABLE clients ADD COLUMN keys TEXT;
            ALTER TABLE clients ADD COLUMN registration_digest BLOB;
            ALTER TABLE clients ADD COLUMN service_user_id TEXT REFERENCES users (id) ON DELETE CASCADE;
            ALTER TABLE clients ADD COLUMN is_introspector INTEGER NOT NULL DEFAULT 0 CHECK (is_introspector IN (0, 1));
            ALTER TABLE clients ADD COLUMN requires_pushed_requests INTEGER NOT NULL DEFAULT 0
                CHECK (requires_pushed_requests IN (0, 1));
            ALTER TABLE clients ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0 CHECK (is_pinned IN (0, 1));
            ALTER TABLE clients ADD COLUMN approved_at INTEGER;
            CREATE INDEX clients_service_user ON clients (service_user_id);

            ALTER TABLE grants ADD COLUMN authenticated_at INTEGER;
            ALTER TABLE grants ADD COLUMN confirmation TEXT;
            ALTER TABLE grants ADD COLUMN flow TEXT;
            ALTER TABLE grants ADD COLUMN is_offline INTEGER NOT NULL DEFAULT 0 CHECK (is_offline IN (0, 1));
            ALTER TABLE grants ADD COLUMN last_used_at INTEGER;
            ALTER TABLE grants ADD COLUMN last_address TEXT;

            ALTER TABLE codes ADD COLUMN dpop_key TEXT;
            ALTER TABLE tokens ADD COLUMN confirmation TEXT;

            CREATE TABLE single_uses (
                digest BLOB PRIMARY KEY,
                expires_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX single_uses_expiry ON single_uses (expires_at);

            CREATE TABLE signing_keys (
                key_id TEXT PRIMARY KEY,
                sealed BLOB NOT NULL,
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE pushed_requests (
                digest BLOB PRIMARY KEY,
                client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
                parameters TEXT NOT NULL,
                expires_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX pushed_requests_client ON pushed_requests (client_id);
            CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);

            CREATE TABLE device_authorizations (
                digest BLOB PRIMARY KEY,
                user_code BLOB NOT NULL UNIQUE,
                client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
                scopes TEXT NOT NULL,
                resource TEXT NOT NULL,
                address TEXT NOT NULL,
                expires_at INTEGER NOT NULL,
                interval INTEGER NOT NULL,
                polled_at INTEGER,
                is_denied INTEGER NOT NULL DEFAULT 0 CHECK (is_denied IN (0, 1)),
                grant_id TEXT REFERENCES grants (id) ON DELETE CASCADE,
                consumed_at INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX device_authorizations_client ON device_authorizations (client_id);
            CREATE INDEX device_authorizations_grant ON device_authorizations (grant_id);
            CREATE INDEX device_authorizations_expiry ON device_authorizations (expires_at);

            CREATE TABLE consents (
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
                redirect_host TEXT NOT NULL,
                resource TEXT NOT NULL,
                scopes TEXT NOT NULL,
                metadata_hash TEXT NOT NULL,
                given_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL,
                PRIMARY KEY (user_id, client_id, redirect_host, resource)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX consents_client ON consents (client_id);
            """)
}
