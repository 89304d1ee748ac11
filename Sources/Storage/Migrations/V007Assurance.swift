/// What was proven at a sign-in, carried from the login to the grant; and clients that wait for an administrator.
enum V007Assurance {
    static let migration = Migration(
        number: 7,
        script: """
            ALTER TABLE login_transactions ADD COLUMN methods TEXT NOT NULL DEFAULT '';
            ALTER TABLE grants ADD COLUMN methods TEXT NOT NULL DEFAULT '';

            CREATE TABLE client_requests (
                client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
                user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                redirect_host TEXT NOT NULL,
                scopes TEXT NOT NULL,
                asked_at INTEGER NOT NULL,
                PRIMARY KEY (client_id, user_id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX client_requests_user ON client_requests (user_id);
            CREATE INDEX client_requests_age ON client_requests (asked_at);
            """)
}
