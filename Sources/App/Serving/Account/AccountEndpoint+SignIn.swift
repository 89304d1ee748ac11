import HTTP
import OAuth
import Primitives

/// `/login` without a transaction, and `/invite`.
extension AccountEndpoint {
    func showSignIn(_ request: Request, in context: RequestContext) async -> Response {
        let device = (try? Parameters(parsing: request.query))?.all("device").first
        if let session = try? await sessions.current(request, at: clock()), !session.user.isDisabled,
            await mayGoOn(to: device, session, at: clock())
        {
            return AuthorizationFlow.redirect(to: destination(device))
        }
        return signInPage(request, username: "", device: device, notice: nil, status: .ok)
    }

    func signIn(_ request: Request, in context: RequestContext) async -> Response {
        guard let form = try? request.form(), security.isSameOrigin(request) else { return refuseForm(context) }
        guard form.contains("account") || security.isFormToken(form.all("token").first, "sign-in", "", request) else {
            return refuseForm(context)
        }
        let username = form.all("username").first ?? ""
        let device = form.all("device").first
        switch await login.attempt(form, request, context, at: clock()) {
        case .success(let cookie, let known, let events):
            var response = AuthorizationFlow.redirect(to: destination(device)).with(.setCookie, cookie).with(.setCookie, known)
            response.events = events
            return response
        case .refused(let events):
            return signInPage(
                request, username: username, device: device, notice: "The user name or password is not right.",
                status: .unauthorized
            ).recording(events)
        case .refusedPasskey(let notice, let event):
            return signInPage(request, username: "", device: device, notice: notice, status: .unauthorized).recording(event)
        case .throttled(let delay, let event):
            return signInPage(
                request, username: username, device: device,
                notice: "Too many attempts. Wait \(delay.secondsRoundedUp) seconds and try again.", status: .tooManyRequests
            ).with(.retryAfter, "\(delay.secondsRoundedUp)").recording(event)
        case .needsFactor(let page, let events):
            var response = pages.secondFactor(page)
            response.events = events
            return response
        case .stale:
            return signInPage(
                request, username: "", device: device, notice: "That took too long. Sign in again.", status: .ok)
        case .unavailable: return busy(context)
        }
    }

    private func signInPage(
        _ request: Request, username: String, device: String?, notice: String?, status: Status
    ) -> Response {
        let (cookie, token) = security.freshForm("sign-in", "", request)
        let page = pages.signIn(
            token: token, username: username, device: device, providers: providers, notice: notice, status: status,
            passkey: factor.passkeys?.signInPrompt(request, cookie: cookie, at: clock()))
        return cookie.map { page.with(.setCookie, $0) } ?? page
    }

    /// Where a person without a session signs in to go on with a device.
    func signInURL(forDevice code: String?) -> String { issuer + "/login?device=" + (code ?? "new") }

    /// Where signing in leads: to the account, to `/admin`, or on to the device whose code came along. Never to an address (WEB-6).
    private func destination(_ device: String?) -> String {
        guard let device else { return issuer + "/account" }
        if device == Self.administration { return issuer + AdministrationEndpoint.pathPrefix }
        return issuer + "/device" + (DeviceFlow.normalized(device).map { "?user_code=" + $0 } ?? "")
    }

    /// The first password, by the link of an invitation (PW-3).
    func acceptInvitation(_ request: Request, in context: RequestContext) async -> Response {
        let now = clock()
        let isForm = request.method == .post
        guard let form = isForm ? try? request.form() : try? Parameters(parsing: request.query),
            let code = form.all("code").first
        else { return refuse("Not a complete link", "Open the whole link you were sent.", context, .badRequest) }
        do {
            guard let user = try await invitations.user(of: code, at: now) else {
                return refuse(
                    "This link has ended", "It was used before, or more than a day passed. Ask your administrator for a new one.",
                    context, .notFound)
            }
            guard isForm else { return invitationPage(user, code, request, notice: nil) }
            guard security.isSameOrigin(request), security.isFormToken(form.all("token").first, "invite", user.id.text, request)
            else { return refuseForm(context) }
            let password = Secret(form.all("password").first ?? "")
            if let fault = try await passwords.fault(of: password, username: user.name) {
                return invitationPage(user, code, request, notice: fault)
            }
            let hash = try await passwords.hash(password)
            let ask = Ask(user: user, form: form, request: request, context: context, now: now)
            guard await isRecorded(Event("invite.used"), ask) else { return unrecorded(context) }
            guard try await invitations.accept(code, hash: hash, at: now) else { return busy(context) }
            let cookie = try await sessions.open(
                user, by: AuthenticationMethods([.password]), request, from: context.peer, at: now)
            return AuthorizationFlow.redirect(to: issuer + "/account").with(.setCookie, cookie)
        } catch { return busy(context) }
    }

    private func invitationPage(_ user: User, _ code: String, _ request: Request, notice: String?) -> Response {
        let (cookie, token) = security.freshForm("invite", user.id.text, request)
        let page = pages.invitation(username: user.name, code: code, token: token, notice: notice)
        return cookie.map { page.with(.setCookie, $0) } ?? page
    }
}
