import OAuth
import Primitives
import Vault

extension Command {
    /// `gatehouse vault …`
    static let vaults: [Command] = [
        Command(
            path: ["vault", "rekey"], usage: "[--keep FILE]",
            summary: "Make a new root key and wrap everything by it, while the server runs.",
            options: [Option("--keep", "FILE", "keep the former root key there: backups made until now need it")]
        ) { invocation async throws(CommandError) in try await VaultCommands.rekey(invocation) },
        Command(path: ["vault", "status"], usage: "", summary: "Show the root key's name and how much it guards; never a key.") {
            invocation async throws(CommandError) in try await VaultCommands.status(invocation)
        },
    ]
}

enum VaultCommands {
    /// The three steps of `RootKeyFile`. Killed between any two of them it is run again and goes on; a server works all the
    /// while, since it finds whichever key opens the vault.
    static func rekey(_ invocation: Invocation) async throws(CommandError) {
        let configuration = try Installation.load(invocation)
        let file = configuration.rootKeyFile
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let present = try Workspace.openRootKey(configuration)
            do throws(VaultError) {
                if let path = invocation.value("--keep") { try file.keep(at: path) }
                guard try await workspace.vault.opens(with: present) != false else {
                    // Wrapped already: the former run ended before its last step.
                    return try await finish(file, workspace, count: nil, invocation.output)
                }
                let next = try file.prepareNext()
                try await workspace.record(.intent, key: next.id)
                let count = try await workspace.vault.rekey(to: next)
                try await finish(file, workspace, count: count, invocation.output)
            } catch {
                throw failure(error, file)
            }
        }
    }

    private static func finish(
        _ file: RootKeyFile, _ workspace: Workspace, count: Int?, _ output: Output
    ) async throws(VaultError) {
        try file.adoptNext()
        let id = try file.load().id
        try await workspace.record(.success, key: id)
        output.object(
            ["status": "ok", "root_key_id": .string(id), "users": count.map { .int($0) } ?? .null, "resumed": .bool(count == nil)],
            text: count.map {
                "Wrapped the keys of \($0) users by the new root key \(id) at \(file.path). Back that file up apart."
            }
                ?? "Finished what an earlier run began: \(file.path) is the root key \(id). Back that file up apart.")
    }

    private static func failure(_ error: VaultError, _ file: RootKeyFile) -> CommandError {
        switch error.code {
        case .wrongRootKey: CommandError(.configuration, "The root key is not the one this database was sealed with.")
        case .cannotWrite, .exists:
            CommandError(
                .cannotWrite,
                "\(error.message). The root key's folder must be writable by who runs this, and the disk have room; run it again then."
            )
        default: CommandError(error)
        }
    }

    static func status(_ invocation: Invocation) async throws(CommandError) {
        let configuration = try Installation.load(invocation)
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let health: CredentialVault.Health
            do throws(VaultError) { health = try await workspace.vault.health(opening: false) } catch { throw CommandError(error) }
            let isPending = configuration.rootKeyFile.hasNext
            invocation.output.object(
                [
                    "root_key_id": .string(workspace.vault.rootKeyID), "root_key_file": .string(configuration.rootKeyFile.path),
                    "users": .int(health.users), "records": .int(health.records), "rejected": .int(health.rejected),
                    "rekey_pending": .bool(isPending),
                ],
                text: """
                    Root key   \(workspace.vault.rootKeyID) at \(configuration.rootKeyFile.path)
                    Guards     \(health.records) records of \(health.users) users, \(health.rejected) of them refused by their service
                    Rekey      \(isPending ? "began and did not end: run gatehouse vault rekey" : "none under way")
                    """)
        }
    }
}

extension Workspace {
    /// Before the effect (AUD-3), and after it.
    fileprivate func record(_ outcome: Event.Outcome, key: String) async throws(VaultError) {
        do throws(CommandError) {
            try await recordCommand(Event("vault.rekeyed", outcome, details: [("kid", .string(key))]))
        } catch { throw VaultError(.cannotWrite, error.message) }
    }
}
