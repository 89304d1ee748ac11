internal import Crypto
internal import OAuth
internal import Primitives

/// One step of the schema. Never edited after a release: its digest is recorded and compared.
struct Migration: Sendable {
    let number: Int
    let script: StaticString

    var digest: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(script)
        return SHA256.digest(bytes)
    }
}

/// Brings a database to the newest schema, forward only, each step in a transaction of its own.
struct Migrator: Sendable {
    let steps: [Migration]

    static let standard = Migrator(steps: [
        V001Accounts.migration, V002Vault.migration, V003Authorization.migration, V004People.migration,
        V005Identities.migration, V006Passkeys.migration, V007Assurance.migration, V008Enrolment.migration,
        V009Spending.migration, V010Bindings.migration, V011Attempts.migration, V012SigningKeyStates.migration,
        V013Pseudonyms.migration,
    ])

    /// "GTHS": tells our files from any other SQLite database.
    private static let applicationID: Int64 = 0x4754_4853

    /// - Throws: `.incompatible` when the file is another program's, has a step this version does not know, or one that differs.
    func run(on connection: borrowing Connection, at now: Timestamp) throws(StoreError) {
        try connection.run("BEGIN IMMEDIATE")
        do throws(StoreError) {
            try claim(connection)
            try connection.run("COMMIT")
        } catch {
            _ = try? connection.run("ROLLBACK")
            throw error
        }
        for step in steps { try apply(step, on: connection, at: now) }
        try refuseNewer(connection)
    }

    /// True when no step is missing. - Throws: when the file is not ours.
    func isCurrent(_ connection: borrowing Connection) throws(StoreError) -> Bool { try missing(connection).isEmpty }

    /// The steps this file has not seen, in the order they would be taken.
    /// - Throws: `.incompatible` when the file is another program's.
    func missing(_ connection: borrowing Connection) throws(StoreError) -> [Int] {
        let known = Set(try applied(connection))
        return steps.map(\.number).filter { !known.contains($0) }
    }

    /// The steps the file has seen, this version's or a newer one's.
    func applied(_ connection: borrowing Connection) throws(StoreError) -> [Int] {
        let id = try connection.first("PRAGMA application_id") { row in row.integer(0) }
        guard id == Self.applicationID else { throw StoreError(.incompatible, "the file is no database of Gatehouse") }
        return try connection.all("SELECT number FROM migrations ORDER BY number") { row in row.count(0) }
    }

    private func claim(_ connection: borrowing Connection) throws(StoreError) {
        let id = try connection.first("PRAGMA application_id") { row in row.integer(0) }
        if id == Self.applicationID { return }
        let tables = try connection.first("SELECT count(*) FROM sqlite_schema") { row in row.integer(0) }
        guard id == 0, tables == 0 else { throw StoreError(.incompatible, "the file is another program's database") }
        try connection.execute("PRAGMA application_id = 0x47544853")
        try connection.execute(
            "CREATE TABLE migrations (number INTEGER PRIMARY KEY, digest BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT")
    }

    /// Looks and applies under one lock: another process may be starting too.
    private func apply(_ step: Migration, on connection: borrowing Connection, at now: Timestamp) throws(StoreError) {
        try connection.run("BEGIN IMMEDIATE")
        do throws(StoreError) {
            let known = try connection.first("SELECT digest FROM migrations WHERE number = ?1", [.count(step.number)]) { row in
                row.blob(0)
            }
            if let known {
                guard known == step.digest else {
                    throw StoreError(.incompatible, "step \(step.number) of the schema differs from this version's")
                }
            } else {
                try connection.execute(step.script)
                try connection.run(
                    "INSERT INTO migrations (number, digest, applied_at) VALUES (?1, ?2, ?3)",
                    [.count(step.number), .blob(step.digest), .time(now)])
            }
            try connection.run("COMMIT")
        } catch {
            _ = try? connection.run("ROLLBACK")
            throw error
        }
    }

    private func refuseNewer(_ connection: borrowing Connection) throws(StoreError) {
        let newest = try connection.first("SELECT max(number) FROM migrations") { row in row.count(0) }
        guard newest ?? 0 <= steps.last?.number ?? 0 else {
            throw StoreError(.incompatible, "the database belongs to a newer version")
        }
    }
}
