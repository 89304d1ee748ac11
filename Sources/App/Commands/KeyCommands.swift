import Client
import OAuth
import Primitives
import Qarnot
import Vault

extension Command {
    /// `gatehouse key …`
    static let keys: [Command] = [
        Command(
            path: ["key", "set"], usage: "USER ENGINE --stdin", summary: "Store a user's upstream API key.",
            options: [
                Option("--stdin", nil, "read the key from standard input"),
                Option("--unchecked", nil, "store it without asking the service whether it is good"),
            ]
        ) { invocation async throws(CommandError) in try await KeyCommands.set(invocation) },
        Command(
            path: ["key", "list"], usage: "[USER]", summary: "List whose keys are stored; never the keys."
        ) { invocation async throws(CommandError) in try await KeyCommands.list(invocation) },
        Command(path: ["key", "test"], usage: "USER ENGINE", summary: "Ask the service whether a stored key is good.") {
            invocation async throws(CommandError) in try await KeyCommands.test(invocation)
        },
        Command(
            path: ["key", "remove"], usage: "USER ENGINE", summary: "Remove a key; calls stop within a second.",
            options: [Option("--dry-run", nil, "say what would be removed, and remove nothing")]
        ) { invocation async throws(CommandError) in try await KeyCommands.remove(invocation) },
    ]
}

enum KeyCommands {
    static func set(_ invocation: Invocation) async throws(CommandError) {
        let (name, engine) = try operands(invocation)
        let key = try invocation.has("--stdin") ? SecretInput.line() : SecretInput.prompt("Key of \(name) for \(engine)")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            try requireEngine(engine, workspace)
            let user = try await workspace.requireUser(name)
            let isChecked = engine == QarnotEngine.name && !invocation.has("--unchecked")
            let account = isChecked ? try await checked(key, workspace, invocation) : nil
            try await workspace.recordCommand(event("vault.key.stored", user.name, engine))
            do throws(VaultError) { try await workspace.vault.store(key, user: user.id, engine: engine, at: .now()) } catch {
                throw CommandError(error)
            }
            invocation.output.object(
                ["username": .string(user.name), "engine": .string(engine), "account": .string(orNull: account)],
                text: "Stored the \(engine) key of \(user.name)\(account.map { ", for the account \($0)" } ?? "").")
        }
    }

    /// Asks the service before anything is stored. A service that cannot be asked says nothing against the key: it is stored,
    /// and the command says so.
    /// - Returns: the account the key belongs to.
    private static func checked(_ key: Secret, _ workspace: Workspace, _ invocation: Invocation) async throws(CommandError)
        -> String?
    {
        switch await QarnotEngine.check(key, settings: workspace.configuration.qarnotSettings, client: HTTPClient()) {
        case .accepted(let email): return email
        case .rejected:
            throw CommandError(
                .no, "Qarnot rejects this key, so that it was not stored. Copy it again from the Qarnot console, or make a new one."
            )
        case .unknown(let reason):
            invocation.output.note("The key was not checked: \(reason) Try gatehouse key test later.")
            return nil
        }
    }

    /// Exits 0 when the key is good, 1 when it is rejected or missing, 69 when nobody can tell.
    static func test(_ invocation: Invocation) async throws(CommandError) {
        let (name, engine) = try operands(invocation)
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            try await workspace.recordCommand(event("vault.key.used", user.name, engine))
            let stored: Secret?
            do throws(VaultError) { stored = try await workspace.vault.key(user: user.id, engine: engine) } catch {
                throw CommandError(error)
            }
            guard let key = stored else { throw CommandError(.no, "\(user.name) has no \(engine) key.") }
            guard engine == QarnotEngine.name else {
                throw CommandError(.unavailable, "A \(engine) key can only be tried by a call of one of its tools.")
            }
            let verdict = await QarnotEngine.check(key, settings: workspace.configuration.qarnotSettings, client: HTTPClient())
            if case .unknown(let reason) = verdict { throw CommandError(.unavailable, "The key cannot be checked: \(reason)") }
            do throws(VaultError) {
                try await workspace.vault.mark(user: user.id, engine: engine, rejected: verdict == .rejected, at: .now())
            } catch { throw CommandError(error) }
            guard case .accepted(let email) = verdict else {
                throw CommandError(
                    .no, "Qarnot rejects the key of \(user.name). Store a new one with gatehouse key set, or at /account.")
            }
            invocation.output.object(
                [
                    "username": .string(user.name), "engine": .string(engine), "status": "accepted",
                    "account": .string(orNull: email),
                ], text: "The \(engine) key of \(user.name) is good\(email.map { ", for the account \($0)" } ?? "").")
        }
    }

    static func list(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            var rows: [JSONValue] = []
            do {
                for user in try await workspace.users.users()
                where invocation.arguments.operands.first.map({ $0 == user.name }) ?? true {
                    for entry in try await workspace.vault.status(user: user.id) where !entry.engine.contains(":") {
                        rows.append([
                            "username": .string(user.name), "engine": .string(entry.engine),
                            "status": entry.isRejected ? "rejected" : "present", "stored_at": .string(entry.storedAt.rfc3339),
                            "last_ok_at": .string(orNull: entry.lastOKAt?.rfc3339),
                        ])
                    }
                }
            } catch { throw CommandError(.unavailable, "The vault cannot be read: \(error).") }
            invocation.output.list(
                rows,
                columns: [
                    ("user", "username"), ("engine", "engine"), ("status", "status"), ("stored", "stored_at"),
                    ("last ok", "last_ok_at"),
                ],
                empty: "No keys are stored.")
        }
    }

    static func remove(_ invocation: Invocation) async throws(CommandError) {
        let (name, engine) = try operands(invocation)
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            try requireEngine(engine, workspace)
            let user = try await workspace.requireUser(name)
            if invocation.has("--dry-run") { return try await showLoss(of: engine, user, workspace, invocation.output) }
            try await workspace.recordCommand(event("vault.key.removed", user.name, engine))
            do throws(StoreError) {
                try await workspace.configuration.oauthSettings.endGrants(
                    of: user.id, engine: engine, in: workspace.grants, at: .now())
            } catch { throw CommandError(error) }
            let wasThere: Bool
            do throws(VaultError) { wasThere = try await workspace.vault.remove(user: user.id, engine: engine) } catch {
                throw CommandError(error)
            }
            guard wasThere else { throw CommandError(.no, "\(user.name) has no \(engine) key.") }
            invocation.output.object(
                ["username": .string(user.name), "engine": .string(engine)], text: "Removed the \(engine) key of \(user.name).")
        }
    }

    private static func showLoss(
        of engine: String, _ user: User, _ workspace: Workspace, _ output: Output
    ) async throws(CommandError) {
        let isThere: Bool
        do { isThere = try await workspace.vault.status(user: user.id).contains { $0.engine == engine } } catch {
            throw CommandError(.unavailable, "The vault cannot be read: \(error).")
        }
        guard isThere else { throw CommandError(.no, "\(user.name) has no \(engine) key.") }
        output.object(
            ["username": .string(user.name), "engine": .string(engine), "dry_run": true],
            text: "Would remove the \(engine) key of \(user.name). Nothing was removed.")
    }

    private static func operands(_ invocation: Invocation) throws(CommandError) -> (name: String, engine: String) {
        let name = try invocation.arguments.operand(0, "USER")
        return (name, try invocation.arguments.operand(1, "ENGINE"))
    }

    private static func requireEngine(_ engine: String, _ workspace: Workspace) throws(CommandError) {
        let engines = ["qarnot"] + workspace.configuration.upstreams.entries.filter { $0.credential != nil }.map(\.name)
        guard !engines.contains(engine) else { return }
        throw CommandError(.usage, "\"\(engine)\" is no engine that takes keys; there is \(engines.joined(separator: ", ")).")
    }

    private static func event(_ name: String, _ subject: String, _ engine: String) -> Event {
        var event = Event(name, subject: subject)
        event.engine = engine
        return event
    }
}
