import Audit
import Crypto
import HTTP
import OAuth
import Primitives
import Vault

/// `/account`, and `/login` outside of an authorization: people look after their keys, applications, sessions and factors by
/// themselves.
struct AccountEndpoint: Sendable {
    let server: AuthorizationServer
    let sessions: BrowserSessions
    let sessionStore: any SessionStore
    let security: BrowserSecurity
    let login: SignIn
    let factor: SecondFactor
    let invitations: Invitations
    let passwords: PasswordService
    let vault: CredentialVault
    let keyCheck: (any UpstreamKeyCheck)?
    let pages: Pages
    let providers: [(name: String, title: String)]
    let engines: [EngineName]
    let auditor: Auditor

    struct EngineName: Sendable {
        let name: String
        let title: String
    }

    var issuer: String { server.settings.issuer }
    var clock: @Sendable () -> Timestamp { server.clock }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        let now = clock()
        do {
            guard let session = try await sessions.current(request, at: now) else {
                return AuthorizationFlow.redirect(to: issuer + "/login")
            }
            switch request.method {
            case .get, .head: return try await show(session.user, request, message: nil)
            case .post: return try await change(session.user, request, context, at: now)
            default:
                return refuse("Not allowed", "This page takes GET and POST.", context, .methodNotAllowed).with(.allow, "GET, POST")
            }
        } catch { return busy(context) }
    }

    /// The page as it stands now, with a word on what was just done.
    func show(_ user: User, _ request: Request, message: AccountPage.Message?) async throws -> Response {
        let now = clock()
        let entries = try await vault.status(user: user.id)
        let keys = engines.map { engine in
            let entry = entries.first { $0.engine == engine.name }
            return AccountPage.Key(
                engine: engine.name, title: engine.title, state: entry.map { $0.isRejected ? "rejected" : "present" } ?? "missing")
        }
        let (cookie, token) = security.freshForm("account", user.id.text, request)
        let tokens = try await server.tokens.tokens(of: user.id, at: now)
        let page = pages.account(
            AccountPage(
                user: user, keys: keys, grants: try await server.grants.grants(of: user.id, at: now),
                sessions: try await sessionStore.sessions(of: user.id, at: now),
                tokens: tokens.filter { $0.credential == .personalToken && $0.isActive },
                passkeys: try await factor.passkeys?.list(of: user), hasApp: try await factor.kinds(of: user).hasApp,
                recoveryCodesLeft: try await factor.recoveryCodesLeft(of: user), token: token, message: message))
        return cookie.map { page.with(.setCookie, $0) } ?? page
    }

    private func change(_ user: User, _ request: Request, _ context: RequestContext, at now: Timestamp) async throws -> Response {
        guard let form = try? request.form(), security.isSameOrigin(request),
            security.isFormToken(form.all("token").first, "account", user.id.text, request)
        else { return refuseForm(context) }
        let ask = Ask(user: user, form: form, request: request, context: context, now: now)
        switch form.all("action").first {
        case "sign-out":
            return AuthorizationFlow.redirect(to: issuer + "/login").with(.setCookie, try await sessions.close(request))
                .recording(Event("auth.logout", subject: user.name))
        case "set-key": return try await setKey(ask)
        case "remove-key": return try await removeKey(ask)
        case "revoke-grant": return try await revokeGrant(ask)
        case "end-session": return try await endSession(ask)
        case "revoke-token": return try await revokeToken(ask)
        case "change-password": return try await changePassword(ask)
        case "begin-otp": return try await beginOneTimePassword(ask)
        case "confirm-otp": return try await confirmOneTimePassword(ask)
        case "remove-otp": return try await removeOneTimePassword(ask)
        case "ask-add-passkey": return try await askAddPasskey(ask, notice: nil)
        case "begin-passkey": return try await beginPasskey(ask)
        case "finish-passkey": return try await finishPasskey(ask)
        case "ask-remove-passkey": return try await askRemovePasskey(ask, notice: nil)
        case "remove-passkey": return try await removePasskey(ask)
        default: return try await show(user, request, message: nil)
        }
    }

    /// One form a signed-in person sent, checked for origin and token.
    struct Ask: Sendable {
        let user: User
        let form: Parameters
        let request: Request
        let context: RequestContext
        let now: Timestamp

        func field(_ name: String) -> String? { form.all(name).first }
    }

    func show(_ ask: Ask, _ done: String) async throws -> Response {
        try await show(ask.user, ask.request, message: .done(done))
    }

    func show(_ ask: Ask, problem: String) async throws -> Response {
        try await show(ask.user, ask.request, message: .problem(problem))
    }

    /// A change is on record before it is made (AUD-3).
    func isRecorded(_ event: Event, _ ask: Ask) async -> Bool {
        var event = event
        event.actor = ask.user.name
        event.subject = ask.user.name
        let place = AuditContext(
            requestID: ask.context.requestID, source: ask.context.peer, userAgent: ask.request.fields[.userAgent],
            method: ask.request.method.rawValue, route: ask.request.path)
        return await auditor.record([event], place)
    }

    func busy(_ context: RequestContext) -> Response {
        refuse("Please try again", "The server is busy. Wait a few seconds and reload this page.", context, .serviceUnavailable)
    }

    func unrecorded(_ context: RequestContext) -> Response {
        refuse("Please try again", "The audit log cannot be written, so nothing was changed.", context, .serviceUnavailable)
            .with(.retryAfter, "5")
    }

    func refuseForm(_ context: RequestContext) -> Response {
        refuse("Request refused", "The form was too old or came from another site. Open the page again.", context, .forbidden)
    }

    func refuse(_ title: String, _ text: String, _ context: RequestContext, _ status: Status) -> Response {
        pages.refusal(RefusalPage(title: title, text: text, requestID: context.requestID, status: status))
    }
}
