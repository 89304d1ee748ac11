import Foundation
import OAuth
import Primitives
import Testing
import Vault

@testable import Storage

/// A database as each earlier version left it, with a row in every table it had, brought to this version.
@Suite struct MigrationTests {
    /// What version `n` of the schema could hold, in its own columns. A step added later needs no line here unless it is an earlier
    /// version to someone: then the newest entry tells what it held.
    private static let contents: [(number: Int, script: StaticString)] = [
        (
            1,
            """
            UPDATE revocation_epoch SET value = 41;
            INSERT INTO users (id, name, role, is_disabled, password_hash, created_at)
                VALUES ('u-ada', 'ada', 'operator', 0, '$argon2id$x', 1700000000000), ('u-bob', 'bob', 'viewer', 1, NULL, 1);
            INSERT INTO clients (id, kind, name, redirect_uris, authentication_method, grant_types, created_at)
                VALUES ('c-1', 'dynamic', 'Claude', '["https://claude.ai/cb"]', 'none', '["authorization_code"]', 1700000000000);
            INSERT INTO sessions (digest, user_id, authenticated_at, idle_until, ends_at, address, user_agent)
                VALUES (x'01', 'u-ada', 1, 4000000000000, 4000000000000, '127.0.0.1', 'browser');
            INSERT INTO login_transactions (id, browser, request, user_id, created_at, expires_at)
                VALUES ('t-1', x'02', '{}', 'u-ada', 1, 4000000000000);
            INSERT INTO grants (id, user_id, client_id, scopes, resource, redirect_uri, created_at, ends_at)
                VALUES ('g-1', 'u-ada', 'c-1', 'qarnot:read', 'https://gate.example/mcp', 'https://claude.ai/cb', 1, 4000000000000);
            INSERT INTO codes (digest, grant_id, challenge, expires_at) VALUES (x'03', 'g-1', 'c', 4000000000000);
            INSERT INTO refresh_tokens (digest, grant_id, generation, issued_at, expires_at)
                VALUES (x'04', 'g-1', 1, 1, 4000000000000);
            INSERT INTO tokens (digest, id, kind, user_id, grant_id, name, scopes, issued_at, expires_at)
                VALUES (x'05', 'k-1', 'access_token', 'u-ada', 'g-1', NULL, 'qarnot:read', 1, 4000000000000);
            """
        ),
        (
            2,
            """
            INSERT INTO vault_service_key VALUES (1, x'0a');
            INSERT INTO vault_user_keys VALUES ('u-ada', 'key', x'0b', 1);
            INSERT INTO vault_records (user_id, engine, row_id, wrapped_key, commitment, sealed, stored_at)
                VALUES ('u-ada', 'qarnot', 'row', x'0c', x'0d', x'0e', 1700000000000);
            """
        ),
        (
            3,
            """
            INSERT INTO single_uses VALUES (x'10', 4000000000000);
            INSERT INTO signing_keys (key_id, sealed, created_at) VALUES ('kid', x'11', 1);
            INSERT INTO pushed_requests VALUES (x'12', 'c-1', '{}', 4000000000000);
            INSERT INTO device_authorizations (digest, user_code, client_id, scopes, resource, address, expires_at, interval)
                VALUES (x'13', x'14', 'c-1', 'qarnot:read', 'https://gate.example/mcp', '127.0.0.1', 4000000000000, 5);
            INSERT INTO consents (user_id, client_id, redirect_host, resource, scopes, metadata_hash, given_at, expires_at)
                VALUES ('u-ada', 'c-1', 'claude.ai', 'https://gate.example/mcp', 'qarnot:read', 'h', 1, 4000000000000);
            """
        ),
        (
            4,
            """
            INSERT INTO one_time_passwords (user_id, confirmed_at, last_step) VALUES ('u-ada', 1, 7);
            INSERT INTO recovery_codes VALUES (x'15', 'u-ada', NULL);
            INSERT INTO invites VALUES (x'16', 'u-bob', 4000000000000);
            """
        ),
        (5, "INSERT INTO identities VALUES ('https://id.example', 'sub', 'u-ada', 1);"),
        (
            6,
            """
            INSERT INTO passkey_handles VALUES ('u-ada', x'17');
            INSERT INTO passkeys (credential_id, id, user_id, name, public_key, model, counter, was_verified, is_backup_eligible,
                is_backed_up, created_at) VALUES (x'18', 'p-1', 'u-ada', 'phone', x'19', x'1a', 3, 1, 0, 0, 1);
            """
        ),
        (7, "INSERT INTO client_requests VALUES ('c-1', 'u-ada', 'claude.ai', 'qarnot:read', 1);"),
        (9, "INSERT INTO spending VALUES ('u-ada', 0, 't-1', 1.5, 0.25);"),
        (13, "INSERT INTO pseudonyms VALUES ('ada', 'p-1', 1);"),
        (11, "INSERT INTO attempts VALUES (x'1b', 0, 5, 0, 1, 1, 4000000000000);"),
    ]

    /// SQL is literal here too: one count a table.
    private static let queries: [String: StaticString] = [
        "revocation_epoch": "SELECT count(*) FROM revocation_epoch",
        "users": "SELECT count(*) FROM users",
        "clients": "SELECT count(*) FROM clients",
        "sessions": "SELECT count(*) FROM sessions",
        "login_transactions": "SELECT count(*) FROM login_transactions",
        "grants": "SELECT count(*) FROM grants",
        "codes": "SELECT count(*) FROM codes",
        "refresh_tokens": "SELECT count(*) FROM refresh_tokens",
        "tokens": "SELECT count(*) FROM tokens",
        "vault_service_key": "SELECT count(*) FROM vault_service_key",
        "vault_user_keys": "SELECT count(*) FROM vault_user_keys",
        "vault_records": "SELECT count(*) FROM vault_records",
        "single_uses": "SELECT count(*) FROM single_uses",
        "signing_keys": "SELECT count(*) FROM signing_keys",
        "pushed_requests": "SELECT count(*) FROM pushed_requests",
        "device_authorizations": "SELECT count(*) FROM device_authorizations",
        "consents": "SELECT count(*) FROM consents",
        "one_time_passwords": "SELECT count(*) FROM one_time_passwords",
        "recovery_codes": "SELECT count(*) FROM recovery_codes",
        "invites": "SELECT count(*) FROM invites",
        "identities": "SELECT count(*) FROM identities",
        "passkey_handles": "SELECT count(*) FROM passkey_handles",
        "passkeys": "SELECT count(*) FROM passkeys",
        "attempts": "SELECT count(*) FROM attempts",
        "client_requests": "SELECT count(*) FROM client_requests",
        "spending": "SELECT count(*) FROM spending",
        "pseudonyms": "SELECT count(*) FROM pseudonyms",
    ]

    private static let versions = Migrator.standard.steps.map(\.number)

    /// The file at that version, with everything it could hold.
    private func makeFile(at version: Int) throws -> (path: String, directory: String) {
        let directory = NSTemporaryDirectory() + "migration-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let path = directory + "/gatehouse.db"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let connection = try Connection.open(path, .readWrite)
        try Migrator(steps: Migrator.standard.steps.filter { $0.number <= version }).run(on: connection, at: .at(0))
        for (number, script) in Self.contents where number <= version { try connection.execute(script) }
        return (path, directory)
    }

    private func counts(_ path: String) throws -> [String: Int] {
        let connection = try Connection.open(path, .readOnly)
        let tables = try connection.all(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('migrations', 'sqlite_sequence')"
        ) { row in row.text(0) }
        var counts: [String: Int] = [:]
        for table in tables {
            let query = try #require(Self.queries[table], "a count of \(table) is missing below")
            counts[table] = try connection.first(query) { row in row.count(0) }
        }
        return counts
    }

    @Test(arguments: versions)
    func `a file of an earlier version comes to this one with every row`(_ version: Int) async throws {
        let (path, directory) = try makeFile(at: version)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let before = try counts(path)
        let file = DatabaseFile(path: path)
        #expect(try file.schema().version == version)
        #expect(try file.migrate(at: .at(9)) == Self.versions.filter { $0 > version })
        #expect(try file.schema().isCurrent && file.problems().isEmpty)
        let after = try counts(path)
        for (table, count) in before { #expect(after[table] == count, "\(table)") }

        let database = try Database(path: path)
        #expect(database.epoch.current == 41)
        let users = try await SQLiteUserStore(database).users()
        #expect(users.map(\.name) == ["ada", "bob"] && users.map(\.isDisabled) == [false, true])
        #expect(try await SQLiteClientStore(database).client(ClientID("c-1"), at: .at(0))?.name == "Claude")
        #expect(
            try await SQLiteGrantStore(database).grants(of: UserID("u-ada"), at: .at(0)).first?.grant.resource
                == "https://gate.example/mcp")
        if version >= 2 {
            let found = try await SQLiteVaultStore(database).record(of: UserID("u-ada"), engine: "qarnot")
            #expect(found?.record.sealed == [0x0E] && found?.key.wrapped == [0x0B])
        }
        await database.close()
    }

    @Test func `every table of an earlier version has a row in these tests`() throws {
        let (path, directory) = try makeFile(at: Self.contents.last?.number ?? 0)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for (table, count) in try counts(path) { #expect(count > 0, "\(table)") }
    }

    @Test func `looking and copying leave an older schema as it is`() throws {
        let (path, directory) = try makeFile(at: 2)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = DatabaseFile(path: path)
        try file.backup(to: directory + "/copy.db")
        _ = try file.problems()
        #expect(try file.schema().version == 2 && DatabaseFile(path: directory + "/copy.db").schema().version == 2)
        #expect(try file.schema().missing.first == 3)
    }

    @Test func `a step in the middle that is missing is found and taken`() throws {
        let (path, directory) = try makeFile(at: 2)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        do {
            let connection = try Connection.open(path, .readWrite)
            try Migrator(steps: Migrator.standard.steps.filter { $0.number != 5 }).run(on: connection, at: .at(0))
        }
        #expect(try DatabaseFile(path: path).schema().missing == [5])
        #expect(try DatabaseFile(path: path).migrate(at: .at(1)) == [5])
    }

    @Test func `a newer file is told, and refused`() throws {
        let (path, directory) = try makeFile(at: 5)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        do {
            try Connection.open(path, .readWrite).execute("INSERT INTO migrations VALUES (9999, x'00', 1)")
        }
        #expect(try DatabaseFile(path: path).schema().isNewer)
        let error = #expect(throws: StoreError.self) { try DatabaseFile(path: path).migrate(at: .at(0)) }
        #expect(error?.code == .incompatible)
    }

    @Test func `a migration that fails changes nothing`() throws {
        let (path, directory) = try makeFile(at: 3)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let before = try counts(path)
        let broken = Migrator(
            steps: Migrator.standard.steps.filter { $0.number <= 3 } + [
                Migration(number: 4, script: "CREATE TABLE half (id INTEGER); INSERT INTO nowhere VALUES (1);")
            ])
        #expect(throws: StoreError.self) { try broken.run(on: try Connection.open(path, .readWrite), at: .at(0)) }
        #expect(try counts(path) == before)
        #expect(try DatabaseFile(path: path).migrate(at: .at(1)).first == 4)
    }
}
