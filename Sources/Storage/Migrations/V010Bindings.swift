/// What a code stands on, and who asked for each refresh token: the consent by its own name (AZ-16), both sides of a reuse (RT-5).
enum V010Bindings {
    static let migration = Migration(
        number: 10,
        script: """
            ALTER TABLE consents ADD COLUMN id TEXT NOT NULL DEFAULT '';
            UPDATE consents SET id = lower(hex(randomblob(16)));
            CREATE UNIQUE INDEX consents_id ON consents (id);
            ALTER TABLE codes ADD COLUMN consent_id TEXT;

            ALTER TABLE refresh_tokens ADD COLUMN address TEXT;
            ALTER TABLE refresh_tokens ADD COLUMN user_agent TEXT;
            """)
}
