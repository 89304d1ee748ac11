import HTTP
import OAuth
import Primitives

/// Password and second factor. Each change asks for the password again (MFA-2).
extension AccountEndpoint {
    func changePassword(_ ask: Ask) async throws -> Response {
        guard try await isOwner(ask) else { return try await show(ask, problem: "Your present password is not right.") }
        let password = Secret(ask.field("new_password") ?? "")
        if let fault = try await passwords.fault(of: password, username: ask.user.name) {
            return try await show(ask, problem: fault)
        }
        let hash = try await passwords.hash(password)
        guard await isRecorded(Event("password.changed", details: [("by", "account")]), ask) else {
            return unrecorded(ask.context)
        }
        // Every session and grant ends with the old password (RT-7), this browser's too: it gets a new one (WEB-5).
        let methods = try await sessions.current(ask.request, at: ask.now)?.methods ?? AuthenticationMethods([.password])
        try await server.users.setPasswordHash(hash, of: ask.user.id, endingSessions: true, at: ask.now)
        let cookie = try await sessions.open(ask.user, by: methods, ask.request, from: ask.context.peer, at: ask.now)
        return try await show(ask, "Your password is changed. Applications have to be connected again.").with(.setCookie, cookie)
    }

    func beginOneTimePassword(_ ask: Ask) async throws -> Response {
        guard try await isOwner(ask) else { return try await show(ask, problem: "Your present password is not right.") }
        guard try await factor.recoveryCodesLeft(of: ask.user) == nil else {
            return try await show(ask, problem: "An authenticator app is set up already. Remove it first.")
        }
        let secret = try await factor.begin(for: ask.user, at: ask.now)
        return enrolment(ask, secret, notice: nil)
    }

    private func enrolment(_ ask: Ask, _ secret: Secret, notice: String?) -> Response {
        let token = security.freshForm("account", ask.user.id.text, ask.request).token
        let key = TimeBasedCode.base32(secret)
        let host = URLReference(issuer)?.host ?? "gatehouse"
        let name = PercentEncoding.encode("Gatehouse \(host)")
        let uri = "otpauth://totp/\(name):\(PercentEncoding.encode(ask.user.name))?secret=\(key)&issuer=\(name)"
        return pages.enrolment(key: key, uri: uri, token: token, notice: notice)
    }

    func confirmOneTimePassword(_ ask: Ask) async throws -> Response {
        guard let secret = try await factor.pendingSecret(of: ask.user, at: ask.now) else {
            return try await show(ask, problem: "Start setting up the authenticator app again.")
        }
        let code = ask.field("otp") ?? ""
        let wrong = "The code is not right. Check the clock of your phone and try the next one."
        guard try await factor.isPendingCode(code, of: ask.user, at: ask.now) else { return enrolment(ask, secret, notice: wrong) }
        guard await isRecorded(Event("mfa.enrolled", details: [("factor", "otp")]), ask) else { return unrecorded(ask.context) }
        guard let codes = try await factor.confirm(code, of: ask.user, at: ask.now) else {
            return enrolment(ask, secret, notice: wrong)
        }
        return pages.recoveryCodes(codes)
    }

    func removeOneTimePassword(_ ask: Ask) async throws -> Response {
        guard try await isOwner(ask) else { return try await show(ask, problem: "Your present password is not right.") }
        guard await isRecorded(Event("mfa.removed", severity: .warning, details: [("factor", "otp")]), ask) else {
            return unrecorded(ask.context)
        }
        _ = try await factor.remove(of: ask.user)
        return try await show(ask, "The authenticator app is removed.")
    }

    /// The person at the browser knows the password.
    func isOwner(_ ask: Ask) async throws -> Bool {
        let hash = try await server.users.passwordHash(of: ask.user.id)
        return try await login.confirm(Secret(ask.field("password") ?? ""), hash: hash, of: ask.user, from: ask.context.peer)
    }
}
