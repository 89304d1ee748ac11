import OAuth
import Primitives

extension Command {
    /// `gatehouse token …`
    static let tokens: [Command] = [
        Command(
            path: ["token", "issue"], usage: "USER --name NAME --scope SCOPE…",
            summary: "Issue a personal access token, printed once.",
            options: [
                Option("--name", "NAME", "what the token is for"),
                Option("--scope", "SCOPE", "such as qarnot:read; may be repeated"),
                Option("--expires", "DURATION", "such as 30d; without it the token ends with the user"),
                Option("--initial-access", nil, "for clients registering at /register instead"),
            ]
        ) { invocation async throws(CommandError) in try await TokenCommands.issue(invocation) },
        Command(
            path: ["token", "list"], usage: "[--user USER]", summary: "List live tokens; never their values.",
            options: [Option("--user", "USER", "of one user only")]
        ) { invocation async throws(CommandError) in try await TokenCommands.list(invocation) },
        Command(
            path: ["token", "revoke"], usage: "ID | --value -",
            summary: "Revoke a token by its id, or by its value on standard input.",
            options: [
                Option("--value", "-", "read the token itself from standard input"),
                Option("--dry-run", nil, "say what would be revoked, and revoke nothing"),
            ]
        ) { invocation async throws(CommandError) in try await TokenCommands.revoke(invocation) },
    ]
}

enum TokenCommands {
    static func issue(_ invocation: Invocation) async throws(CommandError) {
        let username = try invocation.arguments.operand(0, "USER")
        guard let name = invocation.value("--name"), (1...64).contains(name.count) else {
            throw CommandError(.usage, "Name the token, so that you know it again: --name NAME.")
        }
        let words = invocation.arguments.all("--scope").flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "," }) }
        let scopes = words.compactMap { Scope($0) }
        let isInitial = invocation.has("--initial-access")
        guard scopes.count == words.count, isInitial || !scopes.isEmpty else {
            throw CommandError(.usage, "Say what the token may do: --scope qarnot:read.")
        }
        var lifetime: Duration?
        if let text = invocation.value("--expires") {
            guard let value = Duration(setting: text) else {
                throw CommandError(.usage, "--expires takes a duration such as 12h or 30d.")
            }
            lifetime = value
        }
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let user = try await workspace.requireUser(username)
            let token = TokenFormat.mint(isInitial ? .initialAccess : .personal)
            let digest = workspace.hasher.digest(of: token)
            let now = Timestamp.now()
            var event = Event("token.issued", subject: user.name, scopes: ScopeSet(scopes).description)
            (event.tokenReference, event.details) = (
                digest.reference, [("grant_type", .string(isInitial ? "initial_access" : "personal"))]
            )
            try await workspace.recordCommand(event)
            do throws(StoreError) {
                try await workspace.tokens.insertPersonalToken(
                    digest, name: name, user: user.id, scopes: ScopeSet(scopes), issuedAt: now, expiresAt: lifetime.map { now + $0 }
                )
            } catch { throw CommandError(error) }
            invocation.output.object(
                [
                    "token": .string(token.exposeText()), "access_token": .string(token.exposeText()), "name": .string(name),
                    "username": .string(user.name), "scope": .string(ScopeSet(scopes).description),
                    "expires_at": .string(orNull: lifetime.map { (now + $0).rfc3339 }),
                ], text: token.exposeText())
            invocation.output.note("The token is not shown again. Send it as Authorization: Bearer, or as X-API-Key.")
        }
    }

    static func list(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            var user: UserID?
            if let name = invocation.value("--user") { user = try await workspace.requireUser(name).id }
            let tokens: [TokenSummary]
            do throws(StoreError) { tokens = try await workspace.tokens.tokens(of: user, at: .now()) } catch {
                throw CommandError(error)
            }
            invocation.output.list(
                tokens.map(json),
                columns: [
                    ("id", "id"), ("user", "username"), ("kind", "kind"), ("name", "name"), ("scope", "scope"),
                    ("status", "status"),
                    ("expires", "expires_at"),
                ], empty: "There are no live tokens.")
        }
    }

    static func revoke(_ invocation: Invocation) async throws(CommandError) {
        let isByValue = invocation.value("--value") != nil
        let value = try isByValue ? SecretInput.line() : nil
        let id = try isByValue ? nil : invocation.arguments.operand(0, "ID")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            if invocation.has("--dry-run") { return try await showLoss(of: value, id, workspace, invocation.output) }
            var event = Event("token.revoked", details: [("cause", "cli")])
            event.tokenReference = id.map { String($0.prefix(8)) } ?? value.map { workspace.hasher.digest(of: $0).reference }
            try await workspace.recordCommand(event)
            guard try await end(value, id, workspace) else {
                throw CommandError(
                    .no, "There is no live token of that \(isByValue ? "value" : "id"). gatehouse token list shows all.")
            }
            invocation.output.object(["revoked": true], text: "Revoked.")
        }
    }

    private static func showLoss(
        of value: Secret?, _ id: String?, _ workspace: Workspace, _ output: Output
    ) async throws(CommandError) {
        var loss: String?
        do throws(StoreError) {
            if let id {
                loss = try await workspace.tokens.tokens(of: nil, at: .now()).first { $0.id == id && $0.isActive }
                    .map { "a token of \($0.username)" }
            } else if let digest = value.map({ workspace.hasher.digest(of: $0) }) {
                if let refresh = try await workspace.grants.refreshToken(digest), refresh.isActive {
                    loss = "the grant of \(refresh.grant.clientID) with all its tokens"
                } else if let facts = try await workspace.tokens.facts(of: digest), facts.isActive {
                    loss = "a token of \(facts.user.name)"
                }
            }
        } catch { throw CommandError(error) }
        guard let loss else {
            throw CommandError(
                .no, "There is no live token of that \(id == nil ? "value" : "id"). gatehouse token list shows all.")
        }
        output.object(
            ["revoked": false, "would_revoke": .string(loss), "dry_run": true],
            text: "Would revoke \(loss). Nothing was revoked.")
    }

    /// A refresh token ends its whole grant, anything else itself.
    private static func end(_ value: Secret?, _ id: String?, _ workspace: Workspace) async throws(CommandError) -> Bool {
        do throws(StoreError) {
            if let id { return try await workspace.tokens.revoke(id: id, at: .now()) }
            guard let value else { return false }
            let digest = workspace.hasher.digest(of: value)
            if let refresh = try await workspace.grants.refreshToken(digest) {
                return try await workspace.grants.revoke(refresh.grant.id, at: .now())
            }
            return try await workspace.tokens.revoke(digest, at: .now())
        } catch { throw CommandError(error) }
    }

    private static func json(_ token: TokenSummary) -> JSONValue {
        [
            "id": .string(token.id), "username": .string(token.username), "kind": .string(token.credential.rawValue),
            "name": .string(orNull: token.name), "client_id": .string(orNull: token.clientID?.text),
            "scope": .string(token.scopes.description), "issued_at": .string(token.issuedAt.rfc3339),
            "expires_at": .string(orNull: token.expiresAt?.rfc3339), "status": token.isActive ? "active" : "revoked",
        ]
    }
}
