import OAuth
import Primitives
import Vault

extension Command {
    /// `gatehouse key …`
    static let keys: [Command] = [
        Command(
            path: ["key", "set"], usage: "USER ENGINE --stdin", summary: "Store a user's upstream API key.",
            options: [Option("--stdin", nil, "read the key from standard input")]
        ) { invocation async throws(CommandError) in try await KeyCommands.set(invocation) },
        Command(
            path: ["key", "list"], usage: "[USER]", summary: "List whose keys are stored; never the keys."
        ) { invocation async throws(CommandError) in try await KeyCommands.list(invocation) },
        Command(path: ["key", "remove"], usage: "USER ENGINE", summary: "Remove a key; calls stop within a second.") {
            invocation async throws(CommandError) in try await KeyCommands.remove(invocation)
        },
    ]
}

enum KeyCommands {
    static func set(_ invocation: Invocation) async throws(CommandError) {
        let (name, engine) = try operands(invocation)
        let key = try invocation.has("--stdin") ? SecretInput.line() : SecretInput.prompt("Key of \(name) for \(engine)")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            try requireEngine(engine, workspace)
            let user = try await workspace.requireUser(name)
            try await workspace.recordCommand(event("vault.key.stored", user.name, engine))
            do throws(VaultError) { try await workspace.vault.store(key, user: user.id, engine: engine, at: .now()) } catch {
                throw CommandError(error)
            }
            invocation.output.object(
                ["username": .string(user.name), "engine": .string(engine)], text: "Stored the \(engine) key of \(user.name).")
        }
    }

    static func list(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            var rows: [JSONValue] = []
            do {
                for user in try await workspace.users.users()
                where invocation.arguments.operands.first.map({ $0 == user.name }) ?? true {
                    for entry in try await workspace.vault.status(user: user.id) {
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
            try await workspace.recordCommand(event("vault.key.removed", user.name, engine))
            let wasThere: Bool
            do throws(VaultError) { wasThere = try await workspace.vault.remove(user: user.id, engine: engine) } catch {
                throw CommandError(error)
            }
            guard wasThere else { throw CommandError(.no, "\(user.name) has no \(engine) key.") }
            invocation.output.object(
                ["username": .string(user.name), "engine": .string(engine)], text: "Removed the \(engine) key of \(user.name).")
        }
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
