/// When a signing key begins to sign: an emergency does not wait for verifiers (KEY-1).
enum V012SigningKeyStates {
    static let migration = Migration(
        number: 12,
        script: """
            ALTER TABLE signing_keys ADD COLUMN active_from INTEGER NOT NULL DEFAULT 0;
            UPDATE signing_keys SET active_from = created_at + 1800000;
            """)
}
