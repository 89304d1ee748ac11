import Crypto
import OAuth
import Primitives
import Vault

extension Command {
    /// `gatehouse user …`
    static let users: [Command] = [
        Command(
            path: ["user", "add"], usage: "NAME --role ROLE", summary: "Create a user.",
            options: [
                Option("--role", "ROLE", "viewer, operator or admin"),
                Option("--password-stdin", nil, "read the password from standard input"),
                Option("--invite", nil, "print a link with which the user chooses the password"),
            ]
        ) { invocation async throws(CommandError) in try await UserCommands.add(invocation) },
        Command(path: ["user", "list"], usage: "", summary: "List users.") { invocation async throws(CommandError) in
            try await UserCommands.list(invocation)
        },
        Command(path: ["user", "show"], usage: "NAME", summary: "Show one user.") { invocation async throws(CommandError) in
            try await UserCommands.show(invocation)
        },
        Command(path: ["user", "set-role"], usage: "NAME ROLE", summary: "Change a user's role.") {
            invocation async throws(CommandError) in try await UserCommands.setRole(invocation)
        },
        Command(
            path: ["user", "passwd"], usage: "NAME", summary: "Set a user's password; ends all sessions and grants.",
            options: [Option("--password-stdin", nil, "read the password from standard input")]
        ) { invocation async throws(CommandError) in try await UserCommands.setPassword(invocation) },
        Command(path: ["user", "disable"], usage: "NAME", summary: "Disable a user; tokens stop within a second.") {
            invocation async throws(CommandError) in try await UserCommands.setDisabled(invocation, true)
        },
        Command(path: ["user", "enable"], usage: "NAME", summary: "Enable a disabled user.") {
            invocation async throws(CommandError) in try await UserCommands.setDisabled(invocation, false)
        },
        Command(
            path: ["user", "otp", "reset"], usage: "NAME",
            summary: "Remove a lost authenticator app and all passkeys; ends sessions and grants.",
            options: [Option("--dry-run", nil, "say what would be removed, and remove nothing")]
        ) { invocation async throws(CommandError) in try await UserCommands.resetFactor(invocation) },
        Command(path: ["user", "passkey", "list"], usage: "NAME", summary: "List a user's passkeys.") {
            invocation async throws(CommandError) in try await UserCommands.listPasskeys(invocation)
        },
        Command(
            path: ["user", "passkey", "remove"], usage: "NAME ID", summary: "Remove one passkey; ends sessions and grants.",
            options: [Option("--dry-run", nil, "say what would be removed, and remove nothing")]
        ) { invocation async throws(CommandError) in try await UserCommands.removePasskey(invocation) },
        Command(
            path: ["user", "remove"], usage: "NAME --yes", summary: "Remove a user with all grants, tokens and keys.",
            options: [
                Option("--yes", nil, "do not ask"), Option("--dry-run", nil, "say what would be removed, and remove nothing"),
            ]
        ) { invocation async throws(CommandError) in try await UserCommands.remove(invocation) },
    ]
}

enum UserCommands {
    static func add(_ invocation: Invocation) async throws(CommandError) {
        let name = try userName(invocation)
        guard let role = invocation.value("--role").flatMap(Role.init) else {
            throw CommandError(.usage, "Say what the user may do: --role viewer, operator or admin.")
        }
        if invocation.has("--invite") { return try await addByInvitation(name, role, invocation) }
        let password = try SecretInput.newPassword(fromStandardInput: invocation.has("--password-stdin"))
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            try workspace.configuration.passwordRules.check(password, username: name)
            let user = try await create(name, role, password, in: workspace)
            invocation.output.object(json(user), text: "Added user \(name) with role \(role.rawValue).")
        }
    }

    /// The user chooses the first password by a link that works once, for a day (PW-3).
    private static func addByInvitation(_ name: String, _ role: Role, _ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await create(name, role, nil, in: workspace)
            try await workspace.recordCommand(Event("invite.created", subject: name, details: [("by", "cli")]))
            let code: Secret
            do throws(StoreError) {
                code = try await Invitations(store: workspace.factors, users: workspace.users, hasher: workspace.hasher)
                    .invite(user, at: .now())
            } catch { throw CommandError(error) }
            let link = workspace.configuration.server.publicURL + "/invite?code=" + code.exposeText()
            var object = json(user).object ?? JSONObject()
            object["invite_url"] = .string(link)
            invocation.output.object(
                .object(object),
                text: "Added user \(name) with role \(role.rawValue). Send them this link; it works once, within 24 hours:\n\(link)"
            )
        }
    }

    /// Records, hashes and inserts.
    static func create(_ name: String, _ role: Role, _ password: Secret?, in workspace: Workspace) async throws(CommandError)
        -> User
    {
        let user = User(
            id: UserID("u" + Random.text(21)), name: name, role: role, isDisabled: false, createdAt: .now())
        let existing: User?
        do throws(StoreError) { existing = try await workspace.users.user(named: name) } catch { throw CommandError(error) }
        guard existing == nil else { throw CommandError(.no, "There is already a user \"\(name)\".") }
        let hash: String?
        do { hash = try password.map { password throws(CryptoError) in try workspace.passwords.hash(password) } } catch {
            throw CommandError(.software, "The password could not be hashed; is there enough memory?")
        }
        try await workspace.recordCommand(Event("user.created", subject: name, details: [("role", .string(role.rawValue))]))
        do throws(StoreError) { try await workspace.users.insert(user, passwordHash: hash) } catch { throw CommandError(error) }
        return user
    }

    static func list(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let users: [User]
            do throws(StoreError) { users = try await workspace.users.users() } catch { throw CommandError(error) }
            invocation.output.list(
                users.map(json),
                columns: [("name", "username"), ("role", "role"), ("status", "status"), ("created", "created_at")],
                empty: "There are no users yet. Add one with gatehouse user add NAME --role ROLE.")
        }
    }

    static func show(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            invocation.output.object(
                json(user),
                text: "\(user.name)  \(user.role.rawValue)  \(user.isDisabled ? "disabled" : "active")  \(user.createdAt.rfc3339)")
        }
    }

    static func setRole(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        guard let role = Role(rawValue: try invocation.arguments.operand(1, "ROLE")) else {
            throw CommandError(.usage, "The role must be viewer, operator or admin.")
        }
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            let details: [(key: String, value: JSONValue)] = [
                ("role", .string(role.rawValue)), ("before", .string(user.role.rawValue)),
            ]
            try await workspace.recordCommand(Event("role.granted", subject: user.name, details: details))
            do throws(StoreError) { try await workspace.users.setRole(role, of: user.id) } catch { throw CommandError(error) }
            invocation.output.object(
                ["username": .string(user.name), "role": .string(role.rawValue)],
                text: "\(user.name) now has role \(role.rawValue).")
        }
    }

    static func setPassword(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        let password = try SecretInput.newPassword(fromStandardInput: invocation.has("--password-stdin"))
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            try workspace.configuration.passwordRules.check(password, username: name)
            let user = try await workspace.requireUser(name)
            let hash: String
            do { hash = try workspace.passwords.hash(password) } catch {
                throw CommandError(.software, "The password could not be hashed; is there enough memory?")
            }
            try await workspace.recordCommand(Event("password.changed", subject: user.name, details: [("by", "cli")]))
            do throws(StoreError) {
                try await workspace.users.setPasswordHash(hash, of: user.id, endingSessions: true, at: .now())
            } catch { throw CommandError(error) }
            invocation.output.object(
                ["username": .string(user.name)], text: "Password of \(user.name) changed; sessions and grants ended.")
        }
    }

    static func setDisabled(_ invocation: Invocation, _ isDisabled: Bool) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            try await workspace.recordCommand(Event(isDisabled ? "user.disabled" : "user.enabled", subject: user.name))
            do throws(StoreError) { try await workspace.users.setDisabled(isDisabled, of: user.id, at: .now()) } catch {
                throw CommandError(error)
            }
            let state = isDisabled ? "disabled" : "active"
            invocation.output.object(["username": .string(user.name), "status": .string(state)], text: "\(user.name) is \(state).")
        }
    }

    static func remove(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME")
        guard invocation.has("--yes") || invocation.has("--dry-run") else {
            throw CommandError(.usage, "This removes \(name) with all grants, tokens and keys for good. Say --yes to do it.")
        }
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(name)
            if invocation.has("--dry-run") { return try await showLoss(of: user, workspace, invocation.output) }
            try await workspace.recordCommand(Event("user.deleted", subject: user.name))
            do throws(StoreError) { try await workspace.users.remove(user.id) } catch { throw CommandError(error) }
            invocation.output.object(["username": .string(user.name)], text: "Removed \(user.name).")
        }
    }

    private static func showLoss(of user: User, _ workspace: Workspace, _ output: Output) async throws(CommandError) {
        let (grants, keys): (Int, Int)
        do {
            grants = try await workspace.grants.grants(of: user.id, at: .now()).count
            keys = try await workspace.vault.status(user: user.id).count
        } catch { throw CommandError(.unavailable, "The database cannot be read: \(error).") }
        output.object(
            ["username": .string(user.name), "grants": .int(grants), "keys": .int(keys), "dry_run": true],
            text: "Would remove \(user.name) with \(grants) grants and \(keys) keys. Nothing was removed.")
    }

    private static func userName(_ invocation: Invocation) throws(CommandError) -> String {
        let name = try invocation.arguments.operand(0, "NAME").lowercased()
        guard UserName.isAcceptable(name) else {
            throw CommandError(.usage, "A user name has 1 to 64 characters of a-z, 0-9, dot, underscore, at and hyphen.")
        }
        return name
    }

    static func json(_ user: User) -> JSONValue {
        [
            "id": .string(user.id.text), "username": .string(user.name), "role": .string(user.role.rawValue),
            "status": user.isDisabled ? "disabled" : "active", "created_at": .string(user.createdAt.rfc3339),
        ]
    }
}
