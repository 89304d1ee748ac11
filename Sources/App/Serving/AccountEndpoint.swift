import Audit
import Crypto
import HTTP
import OAuth
import Primitives
import Vault

/// `/account`, and `/login` outside of an authorization: people look after their upstream keys by themselves.
struct AccountEndpoint: Sendable {
    let sessions: BrowserSessions
    let security: BrowserSecurity
    let login: SignIn
    let vault: CredentialVault
    let pages: Pages
    let engines: [EngineName]
    let issuer: String
    let auditor: Auditor
    let clock: @Sendable () -> Timestamp

    struct EngineName: Sendable {
        let name: String
        let title: String
    }

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
        } catch {
            return refuse(
                "Please try again", "The server is busy. Wait a few seconds and reload this page.", context, .serviceUnavailable)
        }
    }

    func showSignIn(_ request: Request, in context: RequestContext) async -> Response {
        let device = (try? Parameters(parsing: request.query))?.all("device").first
        if let session = try? await sessions.current(request, at: clock()), !session.user.isDisabled {
            return AuthorizationFlow.redirect(to: destination(device))
        }
        return signInPage(request, username: "", device: device, notice: nil, status: .ok)
    }

    func signIn(_ request: Request, in context: RequestContext) async -> Response {
        guard let form = try? request.form(), security.isSameOrigin(request),
            security.isFormToken(form.all("token").first, "sign-in", "", request)
        else { return refuseForm(context) }
        let username = form.all("username").first ?? ""
        let device = form.all("device").first
        switch await login.attempt(
            username: username, password: Secret(form.all("password").first ?? ""), request, context, at: clock())
        {
        case .success(let cookie, let event):
            return AuthorizationFlow.redirect(to: destination(device)).with(.setCookie, cookie).recording(event)
        case .refused(let event):
            return signInPage(
                request, username: username, device: device, notice: "The user name or password is not right.",
                status: .unauthorized
            ).recording(event)
        case .throttled(let delay, let event):
            return signInPage(
                request, username: username, device: device,
                notice: "Too many attempts. Wait \(delay.secondsRoundedUp) seconds and try again.",
                status: .tooManyRequests
            ).with(.retryAfter, "\(delay.secondsRoundedUp)").recording(event)
        case .unavailable:
            return refuse("Please try again", "The server is busy. Wait a few seconds and try again.", context, .serviceUnavailable)
        }
    }

    private func signInPage(
        _ request: Request, username: String, device: String?, notice: String?, status: Status
    ) -> Response {
        let (cookie, token) = security.freshForm("sign-in", "", request)
        let page = pages.signIn(token: token, username: username, device: device, notice: notice, status: status)
        return cookie.map { page.with(.setCookie, $0) } ?? page
    }

    private func show(_ user: User, _ request: Request, message: String?) async throws -> Response {
        let entries = try await vault.status(user: user.id)
        let keys = engines.map { engine in
            let entry = entries.first { $0.engine == engine.name }
            return AccountKey(
                engine: engine.name, title: engine.title, state: entry.map { $0.isRejected ? "rejected" : "present" } ?? "missing")
        }
        let (cookie, token) = security.freshForm("account", user.id.text, request)
        let page = pages.account(username: user.name, role: user.role, keys: keys, token: token, message: message)
        return cookie.map { page.with(.setCookie, $0) } ?? page
    }

    private func change(_ user: User, _ request: Request, _ context: RequestContext, at now: Timestamp) async throws -> Response {
        guard let form = try? request.form(), security.isSameOrigin(request),
            security.isFormToken(form.all("token").first, "account", user.id.text, request)
        else { return refuseForm(context) }
        let engine = engines.first { $0.name == form.all("engine").first }
        switch (form.all("action").first, engine) {
        case ("sign-out", _):
            return AuthorizationFlow.redirect(to: issuer + "/login").with(.setCookie, try await sessions.close(request))
                .recording(Event("auth.logout", subject: user.name))
        case ("set-key", let engine?):
            guard let key = form.all("key").first, (8...1024).contains(key.utf8.count) else {
                return try await show(user, request, message: "Enter the key, 8 to 1024 characters.")
            }
            guard await isRecorded("vault.key.stored", user, engine.name, request, context) else { return unrecorded(context) }
            try await vault.store(Secret(key), user: user.id, engine: engine.name, at: now)
            return try await show(user, request, message: "The key is saved.")
        case ("remove-key", let engine?):
            if try await vault.status(user: user.id).contains(where: { $0.engine == engine.name }) {
                guard await isRecorded("vault.key.removed", user, engine.name, request, context) else { return unrecorded(context) }
                _ = try await vault.remove(user: user.id, engine: engine.name)
            }
            return try await show(user, request, message: "The key is removed.")
        default: return try await show(user, request, message: nil)
        }
    }

    /// A change of a key is on record before it is made (AUD-3).
    private func isRecorded(_ name: String, _ user: User, _ engine: String, _ request: Request, _ context: RequestContext) async
        -> Bool
    {
        var event = Event(name, actor: user.name, subject: user.name)
        event.engine = engine
        let place = AuditContext(
            requestID: context.requestID, source: context.peer, userAgent: request.fields[.userAgent],
            method: request.method.rawValue,
            route: "/account")
        return await auditor.record([event], place)
    }

    func busy(_ context: RequestContext) -> Response {
        refuse("Please try again", "The server is busy. Wait a few seconds and reload this page.", context, .serviceUnavailable)
    }

    /// Where a person without a session signs in to go on with a device.
    func signInURL(forDevice code: String?) -> String { issuer + "/login?device=" + (code ?? "new") }

    /// Where signing in leads: to the account, or on to the device whose code came along. Never to an address (WEB-6).
    private func destination(_ device: String?) -> String {
        guard let device else { return issuer + "/account" }
        return issuer + "/device" + (DeviceFlow.normalized(device).map { "?user_code=" + $0 } ?? "")
    }

    private func unrecorded(_ context: RequestContext) -> Response {
        refuse("Please try again", "The audit log cannot be written, so nothing was changed.", context, .serviceUnavailable)
            .with(.retryAfter, "5")
    }

    func refuseForm(_ context: RequestContext) -> Response {
        refuse("Request refused", "The form was too old or came from another site. Open the page again.", context, .forbidden)
    }

    private func refuse(_ title: String, _ text: String, _ context: RequestContext, _ status: Status) -> Response {
        pages.refusal(RefusalPage(title: title, text: text, requestID: context.requestID, status: status))
    }
}
