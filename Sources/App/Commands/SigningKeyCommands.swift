import OAuth
import Primitives

extension Command {
    /// `gatehouse keys …`: the keys JWTs are signed with, not the users' upstream keys (`gatehouse key`).
    static let signingKeys: [Command] = [
        Command(path: ["keys", "list"], usage: "", summary: "List the keys that sign tokens, with their states.") {
            invocation async throws(CommandError) in try await SigningKeyCommands.list(invocation)
        },
        Command(
            path: ["keys", "rotate"], usage: "[--now [--revoke-issued]]", summary: "Make the next key that signs tokens.",
            options: [
                Option("--now", nil, "sign with it at once, before verifiers elsewhere can know it"),
                Option("--revoke-issued", nil, "destroy all other keys and end every access token; clients refresh"),
            ]
        ) { invocation async throws(CommandError) in try await SigningKeyCommands.rotate(invocation) },
    ]
}

enum SigningKeyCommands {
    static func list(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let now = Timestamp.now()
            do throws(StoreError) { try await workspace.keyring.refresh(at: now) } catch { throw CommandError(error) }
            invocation.output.list(
                workspace.keyring.states(at: now).map { key in
                    [
                        "kid": .string(key.keyID), "state": .string(key.state.rawValue), "alg": "ES256",
                        "created_at": .string(key.createdAt.rfc3339), "active_from": .string(key.activeFrom.rfc3339),
                    ]
                },
                columns: [("key", "kid"), ("state", "state"), ("created", "created_at"), ("signs from", "active_from")],
                empty: "There is no signing key yet; the server makes the first one when it starts.")
        }
    }

    static func rotate(_ invocation: Invocation) async throws(CommandError) {
        let (isImmediate, revokes) = (invocation.has("--now"), invocation.has("--revoke-issued"))
        guard isImmediate || !revokes else {
            throw CommandError(.usage, "--revoke-issued destroys the present key, so it needs --now as well.")
        }
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let how = revokes ? "revoking what was issued" : isImmediate ? "at once" : "by the calendar"
            try await workspace.recordCommand(
                Event(
                    "key.rotated", severity: isImmediate ? .warning : .info,
                    details: [("purpose", "jwt"), ("how", .string(how))]))
            let now = Timestamp.now()
            let made: String?
            do throws(StoreError) {
                made =
                    revokes
                    ? try await workspace.keyring.replaceAll(at: now)
                    : try await workspace.keyring.rotate(at: now, unlessNewerThan: now, isImmediate: isImmediate)
            } catch { throw CommandError(error) }
            guard let made else { throw CommandError(.no, "Another key was made just now; gatehouse keys list shows it.") }
            invocation.output.object(["kid": .string(made)], text: text(made, isImmediate, revokes))
        }
    }

    private static func text(_ made: String, _ isImmediate: Bool, _ revokes: Bool) -> String {
        if revokes { return "\(made) is the only key now. Every access token has ended; clients refresh by themselves." }
        return isImmediate
            ? "\(made) signs from now on. Verifiers that keep our key set may refuse its tokens for up to 15 minutes."
            : "\(made) is published now and signs in half an hour, when every verifier can know it."
    }
}
