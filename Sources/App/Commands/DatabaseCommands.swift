import Audit
import Glibc
import OAuth
import Primitives
import Storage
import Vault

extension Command {
    /// `gatehouse db …`
    static let databases: [Command] = [
        Command(
            path: ["db", "migrate"], usage: "[--dry-run]", summary: "Bring the tables to this version, while no server runs.",
            options: [Option("--dry-run", nil, "say what would be done, and do nothing")]
        ) { invocation async throws(CommandError) in try await DatabaseCommands.migrate(invocation) },
        Command(
            path: ["db", "backup"], usage: "FILE", summary: "Write a consistent copy of the database, while the server runs.",
            options: [Option("--overwrite", nil, "replace FILE when it exists")]
        ) { invocation async throws(CommandError) in try await DatabaseCommands.backup(invocation) },
        Command(
            path: ["db", "restore"], usage: "FILE --yes",
            summary: "Put a backup in the place of the database, while no server runs.",
            options: [
                Option("--yes", nil, "do not ask"), Option("--dry-run", nil, "check the backup, and change nothing"),
            ]
        ) { invocation async throws(CommandError) in try await DatabaseCommands.restore(invocation) },
        Command(
            path: ["db", "check"], usage: "",
            summary: "Check pages, references, the tables' version, and that every stored key opens."
        ) { invocation async throws(CommandError) in try await DatabaseCommands.check(invocation) },
    ]
}

enum DatabaseCommands {
    static func migrate(_ invocation: Invocation) async throws(CommandError) {
        let configuration = try Installation.load(invocation)
        let file = try existing(configuration)
        let schema = try read { () throws(StoreError) in try file.schema() }
        if schema.isNewer {
            throw CommandError(.configuration, "The database belongs to a newer version (tables \(schema.version)). Run that one.")
        }
        let isDry = invocation.has("--dry-run")
        var steps = schema.missing
        if !steps.isEmpty, !isDry {
            try refuseRunningServer(configuration, "would go on with the tables it knows")
            try await record("db migrate", configuration, [("steps", .array(steps.map { .int($0) }))])
            steps = try read { () throws(StoreError) in try file.migrate(at: .now()) }
        }
        let list = steps.map(String.init).joined(separator: ", ")
        invocation.output.object(
            ["status": "ok", "from": .int(schema.version), "steps": .array(steps.map { .int($0) }), "dry_run": .bool(isDry)],
            text: steps.isEmpty
                ? "The tables are at this version already (\(schema.version))."
                : isDry ? "Missing steps: \(list). Nothing was done." : "Took the steps \(list).")
    }

    static func backup(_ invocation: Invocation) async throws(CommandError) {
        let target = Files.absolute(try invocation.arguments.operand(0, "FILE"))
        let configuration = try Installation.load(invocation)
        let file = try existing(configuration)
        guard target != configuration.databasePath else {
            throw CommandError(.usage, "\(target) is the database itself. Name another file.")
        }
        try await record("db backup", configuration, [("file", .string(target))])
        let bar = ProgressBar("Copying", invocation.output)
        defer { bar.finish() }
        do throws(StoreError) {
            try file.backup(to: target, replacing: invocation.has("--overwrite")) { bar.advance($0, of: $1) }
        } catch {
            switch error.code {
            case .conflict:
                throw CommandError(.cannotCreate, "\(target) exists. Name another file, or replace it with --overwrite.")
            case .cannotWrite:
                throw CommandError(.cannotWrite, "The copy cannot be written: \(error.message). Nothing was left behind.")
            default: throw CommandError(error)
            }
        }
        let bytes = Files.size(target)
        bar.finish()
        invocation.output.object(
            ["status": "ok", "file": .string(target), "bytes": .int(bytes)],
            text: "Wrote \(target), \(bytes) bytes. It needs the root key to be of use: keep that elsewhere.")
    }

    static func restore(_ invocation: Invocation) async throws(CommandError) {
        let source = Files.absolute(try invocation.arguments.operand(0, "FILE"))
        let configuration = try Installation.load(invocation)
        let isDry = invocation.has("--dry-run")
        guard isDry || invocation.has("--yes") else {
            throw CommandError(
                .usage, "This replaces everything in \(configuration.databasePath) by what is in \(source). Say --yes to do it.")
        }
        guard Files.exists(source) else { throw CommandError(.no, "There is no file \(source).") }
        guard source != configuration.databasePath else { throw CommandError(.usage, "\(source) is the database itself.") }
        if !isDry { try refuseRunningServer(configuration, "would lose what it writes") }
        let file = DatabaseFile(path: configuration.databasePath)
        let staged: DatabaseFile
        do throws(StoreError) { staged = try file.stage(source) } catch {
            throw error.code == .incompatible
                ? CommandError(.no, "\(source) cannot be restored: \(error.message). Nothing was changed.") : CommandError(error)
        }
        defer { staged.discard() }
        try await requireKey(configuration, staged)
        let schema = try read { () throws(StoreError) in try staged.schema() }
        if !isDry {
            let note = RestoreNote(configuration)
            try note.leave(source: source, at: .now())
            do throws(StoreError) { try file.replace(with: staged) } catch {
                note.withdraw()
                guard error.code == .unavailable else { throw CommandError(error) }
                throw CommandError(
                    .unavailable, "Another process has \(file.path) open. Stop the server and commands, then run this again.")
            }
        }
        invocation.output.object(
            ["status": "ok", "file": .string(source), "schema": .int(schema.version), "dry_run": .bool(isDry)],
            text: isDry
                ? "\(source) is sound and fits the root key. Nothing was changed."
                : "Restored \(source). Start the server; revoke again what was revoked since the backup: gatehouse audit search "
                    + "--event token.revoked tells.")
    }

    static func check(_ invocation: Invocation) async throws(CommandError) {
        let configuration = try Installation.load(invocation)
        let file = try existing(configuration)
        var list = CheckList()
        do throws(StoreError) {
            let schema = try file.schema()
            let problems = try file.problems()
            list.add(
                "pages and references", problems.isEmpty ? .ok : .failed,
                problems.isEmpty ? "every page and reference is sound" : problems.joined(separator: "; "),
                remedy: problems.isEmpty ? nil : "Restore the last backup: gatehouse db restore FILE --yes.")
            if schema.isNewer {
                list.add(
                    "tables", .failed, "version \(schema.version) is newer than this program", remedy: "Run the newer version.")
            } else if schema.isCurrent {
                list.add("tables", .ok, "version \(schema.version)")
            } else {
                list.add(
                    "tables", .failed, "steps \(schema.missing.map(String.init).joined(separator: ", ")) are missing.",
                    remedy: "Run gatehouse db migrate.")
            }
        } catch {
            list.add(
                "pages and references", .failed, "\(error.message).",
                remedy: "Restore the last backup: gatehouse db restore FILE --yes.")
            return try list.conclude(invocation.output)
        }
        if !list.hasFailed { try await checkVault(configuration, &list) }
        try list.conclude(invocation.output)
    }

    /// Every record is opened, which is an event of its own (VLT-5), and what was in it is dropped at once.
    private static func checkVault(_ configuration: Configuration, _ list: inout CheckList) async throws(CommandError) {
        let workspace = try await Workspace.open(configuration, node: "cli")
        let health: CredentialVault.Health
        do {
            try await workspace.recordCommand(Event("admin.command", details: [("command", "db check")]))
            health = try await workspace.vault.health(opening: true)
        } catch {
            await workspace.close()
            throw error as? CommandError ?? CommandError(.unavailable, "The vault cannot be read: \(error).")
        }
        await workspace.close()
        let names = health.broken.map { "\($0.user.text)/\($0.engine)" }.joined(separator: ", ")
        list.add(
            "vault", health.broken.isEmpty ? .ok : .failed,
            health.broken.isEmpty
                ? "\(health.records) records of \(health.users) users open" : "records that do not open: \(names).",
            remedy: health.broken.isEmpty ? nil : "Have their users enter the keys again at /account.")
    }

    private static func existing(_ configuration: Configuration) throws(CommandError) -> DatabaseFile {
        guard Files.exists(configuration.databasePath) else {
            throw CommandError(
                .unavailable, "There is no database at \(configuration.databasePath). gatehouse serve makes one at its first start."
            )
        }
        return DatabaseFile(path: configuration.databasePath)
    }

    private static func read<T>(_ body: () throws(StoreError) -> T) throws(CommandError) -> T {
        do throws(StoreError) { return try body() } catch { throw CommandError(error) }
    }

    /// A restored database must open with the root key that is configured, or nothing could use it (VLT-3).
    private static func requireKey(_ configuration: Configuration, _ staged: DatabaseFile) async throws(CommandError) {
        let key = try Workspace.openRootKey(configuration)
        let fits: Bool?
        do {
            let database = try Database(path: staged.path, readers: 1, migrates: false)
            fits = try await CredentialVault(rootKey: key, store: SQLiteVaultStore(database)).opens(with: key)
            await database.close()
        } catch { throw CommandError(.no, "The backup's vault cannot be read: \(error). Nothing was changed.") }
        guard fits != false else {
            throw CommandError(
                .configuration,
                "The backup was sealed with another root key than \(configuration.rootKeyFile.path). Put the right one there first."
            )
        }
    }

    private static func refuseRunningServer(_ configuration: Configuration, _ why: String) throws(CommandError) {
        guard let process = Predecessor.runningServer(at: configuration.handoverPath) else { return }
        throw CommandError(.unavailable, "A server (process \(process)) runs on this database and \(why). Stop it first.")
    }

    /// These commands leave the database as it is until they may change it, so that the log is opened alone.
    private static func record(
        _ command: String, _ configuration: Configuration, _ details: [(key: String, value: JSONValue)]
    ) async throws(CommandError) {
        let audit = try Workspace.openAudit(configuration, node: "cli")
        let failure: CommandError?
        do throws(CommandError) {
            try await Workspace.record(
                Event("admin.command", details: [("command", .string(command))] + details), in: audit)
            failure = nil
        } catch { failure = error }
        await audit.close()
        if let failure { throw failure }
    }
}
