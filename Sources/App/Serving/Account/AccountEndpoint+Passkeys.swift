import HTTP
import OAuth
import Primitives

/// Adding and removing passkeys. Both ask for the password or a passkey again (MFA-2).
extension AccountEndpoint {
    func askAddPasskey(_ ask: Ask, notice: String?) async throws -> Response {
        guard let passkeys = factor.passkeys else { return try await show(ask, problem: "Passkeys need a server with a name.") }
        return try await confirmation(
            ask, "begin-passkey", title: "Add a passkey", text: "First show that it is you.", button: "Continue", notice: notice,
            passkeys)
    }

    func beginPasskey(_ ask: Ask) async throws -> Response {
        if let refusal = try await refusal(ask, "begin-passkey") {
            return try await askAddPasskey(ask, notice: refusal.notice).recording(ifAny: refusal.event)
        }
        guard let (prompt, handle) = try await factor.passkeys?.registrationPrompt(of: ask.user, ask.request, at: ask.now) else {
            return try await askAddPasskey(ask, notice: nil)
        }
        guard prompt.credentials.count < Passkeys.maximumPerUser else {
            return try await show(ask, problem: PasskeyFault.tooMany.notice)
        }
        return pages.newPasskey(
            prompt, handle: handle, username: ask.user.name, name: BrowserName.of(ask.request.fields[.userAgent] ?? ""),
            token: ask.field("token") ?? "")
    }

    func finishPasskey(_ ask: Ask) async throws -> Response {
        guard let passkeys = factor.passkeys else { return try await askAddPasskey(ask, notice: nil) }
        switch try await passkeys.registration(ask.form, of: ask.user, ask.request, at: ask.now) {
        case .refused(let fault):
            let event = Event(
                "mfa.enrolled", .failure, severity: .warning, reason: fault.rawValue, subject: ask.user.name,
                details: [("factor", "passkey")])
            return try await show(ask, problem: fault.notice).recording(event)
        case .good(let credential, let name):
            guard await isRecorded(Event("mfa.enrolled", details: [("factor", "passkey")]), ask) else {
                return unrecorded(ask.context)
            }
            switch try await passkeys.add(credential, name: name, of: ask.user, at: ask.now) {
            case .failure(let fault): return try await show(ask, problem: fault.notice)
            case .success(let codes) where codes.isEmpty: return try await show(ask, "The passkey is added.")
            case .success(let codes): return pages.recoveryCodes(codes, of: "passkey")
            }
        }
    }

    func askRemovePasskey(_ ask: Ask, notice: String?) async throws -> Response {
        guard let passkeys = factor.passkeys,
            let passkey = try await passkeys.list(of: ask.user).first(where: { $0.id == ask.field("id") })
        else { return try await show(ask, problem: "That passkey was removed before.") }
        return try await confirmation(
            ask, "remove-passkey", title: "Remove \(passkey.name)?",
            text: "You cannot sign in with it any more. Remove it from your device too.", button: "Remove", notice: notice, passkeys
        )
    }

    func removePasskey(_ ask: Ask) async throws -> Response {
        if let refusal = try await refusal(ask, "remove-passkey") {
            return try await askRemovePasskey(ask, notice: refusal.notice).recording(ifAny: refusal.event)
        }
        guard await isRecorded(Event("mfa.removed", severity: .warning, details: [("factor", "passkey")]), ask) else {
            return unrecorded(ask.context)
        }
        let wasThere = try await factor.passkeys?.remove(id: ask.field("id") ?? "", of: ask.user) ?? false
        return try await show(ask, wasThere ? "The passkey is removed." : "That passkey was removed before.")
    }

    private func confirmation(
        _ ask: Ask, _ action: String, title: String, text: String, button: String, notice: String?, _ passkeys: Passkeys
    ) async throws -> Response {
        let fields = [("token", ask.field("token") ?? ""), ("action", action)] + (ask.field("id").map { [("id", $0)] } ?? [])
        return pages.confirmation(
            ConfirmationPage(
                title: title, text: text, button: button, path: "/account", fields: fields, username: ask.user.name,
                passkey: try await passkeys.confirmationPrompt(for: subject(ask, action), of: ask.user, ask.request, at: ask.now),
                notice: notice))
    }

    /// What a challenge is for: the action and what it is about.
    private func subject(_ ask: Ask, _ action: String) -> String { "\(action) \(ask.field("id") ?? "")" }

    /// Nil when the person gave the password or one of their passkeys, asked for this action.
    private func refusal(_ ask: Ask, _ action: String) async throws -> (notice: String, event: Event?)? {
        guard Passkeys.isAnswer(ask.form), let passkeys = factor.passkeys else {
            return try await isOwner(ask) ? nil : ("Your password is not right.", nil)
        }
        switch try await passkeys.confirm(ask.form, subject(ask, action), of: ask.user, ask.request, at: ask.now) {
        case .verified: return nil
        case .refused(let fault, let event): return (fault.notice, event)
        }
    }
}

extension Response {
    fileprivate func recording(ifAny event: Event?) -> Response { event.map { recording($0) } ?? self }
}
