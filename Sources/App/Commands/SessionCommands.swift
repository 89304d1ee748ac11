import OAuth
import Primitives

extension Command {
    /// `gatehouse session …`
    static let sessions: [Command] = [
        Command(
            path: ["session", "list"], usage: "[--user USER]", summary: "List browsers that are signed in.",
            options: [Option("--user", "USER", "of this user alone")]
        ) { invocation async throws(CommandError) in try await SessionCommands.list(invocation) },
        Command(
            path: ["session", "revoke"], usage: "ID", summary: "Sign a browser out.",
            options: [Option("--dry-run", nil, "say who would be signed out, and do nothing")]
        ) { invocation async throws(CommandError) in try await SessionCommands.revoke(invocation) },
    ]
}

enum SessionCommands {
    static func list(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            var user: UserID?
            if let name = invocation.value("--user") { user = try await workspace.requireUser(name).id }
            let sessions: [SessionSummary]
            do throws(StoreError) { sessions = try await workspace.sessions.sessions(of: user, at: .now()) } catch {
                throw CommandError(error)
            }
            invocation.output.list(
                sessions.map(json),
                columns: [
                    ("id", "id"), ("user", "username"), ("address", "address"), ("signed in", "authenticated_at"),
                    ("browser", "user_agent"),
                ], empty: "Nobody is signed in.")
        }
    }

    static func revoke(_ invocation: Invocation) async throws(CommandError) {
        let id = try invocation.arguments.operand(0, "ID")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            if invocation.has("--dry-run") { return try await showLoss(of: id, workspace, invocation.output) }
            try await workspace.recordCommand(Event("session.revoked", reason: "cli"))
            let wasThere: Bool
            do throws(StoreError) { wasThere = try await workspace.sessions.remove(id: id, of: nil, at: .now()) } catch {
                throw CommandError(error)
            }
            guard wasThere else { throw CommandError(.no, "There is no session \"\(id)\". gatehouse session list shows all.") }
            invocation.output.object(["id": .string(id)], text: "The browser is signed out.")
        }
    }

    private static func showLoss(of id: String, _ workspace: Workspace, _ output: Output) async throws(CommandError) {
        let sessions: [SessionSummary]
        do throws(StoreError) { sessions = try await workspace.sessions.sessions(of: nil, at: .now()) } catch {
            throw CommandError(error)
        }
        guard let session = sessions.first(where: { $0.id == id }) else {
            throw CommandError(.no, "There is no session \"\(id)\". gatehouse session list shows all.")
        }
        output.object(
            ["id": .string(id), "username": .string(session.username), "dry_run": true],
            text: "Would sign \(session.username) out of the browser at \(session.session.address). Nothing was done.")
    }

    private static func json(_ summary: SessionSummary) -> JSONValue {
        [
            "id": .string(summary.id), "username": .string(summary.username), "address": .string(summary.session.address),
            "user_agent": .string(summary.session.userAgent),
            "authenticated_at": .string(summary.session.authenticatedAt.rfc3339),
            "idle_until": .string(summary.session.idleUntil.rfc3339), "ends_at": .string(summary.session.endsAt.rfc3339),
        ]
    }
}
