/// When an authenticator app began to be set up, so that what was abandoned ends.
enum V008Enrolment {
    static let migration = Migration(
        number: 8,
        script: """
            ALTER TABLE one_time_passwords ADD COLUMN began_at INTEGER NOT NULL DEFAULT 0;
            """)
}
