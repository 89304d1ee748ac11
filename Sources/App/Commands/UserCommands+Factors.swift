import OAuth
import Primitives

/// `user otp reset` and `user passkey …`: for people who lost their phone.
extension UserCommands {
    /// Removes app, passkeys and recovery codes. Everything the user has open ends (RT-7).
    static func resetFactor(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            let hasApp: Bool
            let passkeys: [Passkey]
            do throws(StoreError) {
                hasApp = try await workspace.factors.oneTimePassword(of: user.id) != nil
                passkeys = try await workspace.passkeys.passkeys(of: user.id)
            } catch { throw CommandError(error) }
            guard hasApp || !passkeys.isEmpty else {
                throw CommandError(.no, "\(user.name) has no authenticator app and no passkeys.")
            }
            if invocation.has("--dry-run") {
                let app = hasApp ? "the authenticator app and " : ""
                return invocation.output.object(
                    [
                        "username": .string(user.name), "authenticator_app": .bool(hasApp), "passkeys": .int(passkeys.count),
                        "dry_run": true,
                    ],
                    text:
                        "Would remove \(app)\(passkeys.count) passkeys of \(user.name), and end sessions and grants. Nothing was removed."
                )
            }
            for factor in (hasApp ? ["otp"] : []) + (passkeys.isEmpty ? [] : ["passkey"]) {
                try await workspace.recordCommand(removal(of: factor, user))
            }
            do {
                // What is open ends first: cut off halfway, the command can be given again.
                try await workspace.users.endSessionsAndGrants(of: user.id, at: .now())
                try await VaultFactorSecrets(vault: workspace.vault).remove(of: user.id)
                _ = try await workspace.passkeys.removeAll(of: user.id)
                _ = try await workspace.factors.removeOneTimePassword(of: user.id)
            } catch { throw CommandError(.unavailable, "The database cannot be written: \(error).") }
            invocation.output.object(
                ["username": .string(user.name)],
                text: "\(user.name) signs in with the password alone now; sessions and grants ended.")
        }
    }

    static func listPasskeys(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            let passkeys: [Passkey]
            do throws(StoreError) { passkeys = try await workspace.passkeys.passkeys(of: user.id) } catch {
                throw CommandError(error)
            }
            invocation.output.list(
                passkeys.map(json),
                columns: [("id", "id"), ("name", "name"), ("created", "created_at"), ("last used", "last_used_at")],
                empty: "\(user.name) has no passkeys.")
        }
    }

    static func removePasskey(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        let id = try invocation.arguments.operand(1, "ID")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            let passkeys: [Passkey]
            do throws(StoreError) { passkeys = try await workspace.passkeys.passkeys(of: user.id) } catch {
                throw CommandError(error)
            }
            guard passkeys.contains(where: { $0.id == id }) else {
                throw CommandError(
                    .no, "\(user.name) has no passkey \"\(id)\". gatehouse user passkey list \(user.name) shows all.")
            }
            if invocation.has("--dry-run") {
                return invocation.output.object(
                    ["username": .string(user.name), "id": .string(id), "dry_run": true],
                    text: "Would remove the passkey, and end sessions and grants of \(user.name). Nothing was removed.")
            }
            try await workspace.recordCommand(removal(of: "passkey", user))
            do throws(StoreError) {
                try await workspace.users.endSessionsAndGrants(of: user.id, at: .now())
                _ = try await workspace.passkeys.remove(id: id, of: user.id)
            } catch { throw CommandError(error) }
            invocation.output.object(
                ["username": .string(user.name), "id": .string(id)], text: "Removed the passkey; sessions and grants ended.")
        }
    }

    private static func removal(of factor: String, _ user: User) -> Event {
        Event(
            "mfa.removed", severity: .warning, subject: user.name, details: [("factor", .string(factor)), ("by", "cli")])
    }

    private static func json(_ passkey: Passkey) -> JSONValue {
        [
            "id": .string(passkey.id), "name": .string(passkey.name), "synchronised": .bool(passkey.isBackupEligible),
            "created_at": .string(passkey.createdAt.rfc3339), "last_used_at": .string(orNull: passkey.lastUsedAt?.rfc3339),
        ]
    }
}
