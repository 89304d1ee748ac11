package import HTTP
package import Primitives

/// Signing in outside of an authorization: checks the password, then the second factor, and opens a session.
package struct SignIn: Sendable {
    private let users: any UserStore
    private let login: PasswordLogin
    private let factor: SecondFactor
    private let sessions: BrowserSessions
    private let security: BrowserSecurity

    package init(
        users: any UserStore, checker: any PasswordChecker, factor: SecondFactor, throttle: any LoginThrottle,
        sessions: BrowserSessions, security: BrowserSecurity
    ) {
        self.users = users
        login = PasswordLogin(users: users, checker: checker, throttle: throttle, security: security)
        self.factor = factor
        self.sessions = sessions
        self.security = security
    }

    package enum Outcome: Sendable {
        /// The `Set-Cookie` value of the new session.
        case success(cookie: String, device: String, [Event])
        case refused([Event])
        /// A passkey was not accepted; the notice says what to do.
        case refusedPasskey(String, Event)
        case throttled(Duration, Event)
        /// The password was right; this page asks for the code.
        case needsFactor(SecondFactorPage, [Event])
        /// The form was too old or from elsewhere.
        case stale
        case unavailable
    }

    package func attempt(_ form: Parameters, _ request: Request, _ context: RequestContext, at now: Timestamp) async -> Outcome {
        if form.contains("account") { return await takeSecondFactor(form, request, context, at: now) }
        if Passkeys.isAnswer(form) { return await takePasskey(form, request, context, at: now) }
        let password = Secret(form.all("password").first ?? "")
        switch await login.attempt(
            username: form.all("username").first ?? "", password: password, request, from: context.peer, at: now)
        {
        case .refused(let events): return .refused(events)
        case .throttled(let delay, let event): return .throttled(delay, event)
        case .unavailable: return .unavailable
        case .success(let user):
            do throws(StoreError) {
                guard try await factor.kinds(of: user).isRequired else {
                    return await open(user, [.password], request, context, at: now)
                }
            } catch { return .unavailable }
            let ticket = FactorTicket(userID: user.id, passedAt: now)
            if let code = form.all("otp").first { return await judge(code, user, ticket, form, request, context, at: now) }
            return await page(ticket, user, form, request, nil, .ok, at: now)
        }
    }

    /// Whether a signed-in person knows the password, counted like an attempt to sign in.
    package func confirm(_ password: Secret, hash: String?, of user: User, from address: IPAddress) async throws -> Bool {
        try await login.confirm(password, hash: hash, of: user, from: address)
    }

    private func takeSecondFactor(
        _ form: Parameters, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Outcome {
        guard let ticket = FactorTicket(form, at: now),
            security.isFormToken(form.all("token").first, FactorTicket.purpose, ticket.subject(transaction: ""), request)
        else { return .stale }
        do throws(StoreError) {
            guard let user = try await users.user(ticket.userID), !user.isDisabled else { return .stale }
            if Passkeys.isAnswer(form) { return try await judgePasskey(user, ticket, form, request, context, at: now) }
            return await judge(form.all("otp").first ?? "", user, ticket, form, request, context, at: now)
        } catch { return .unavailable }
    }

    /// A passkey as the only factor.
    private func takePasskey(
        _ form: Parameters, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Outcome {
        guard let passkeys = factor.passkeys else { return .stale }
        let browser = security.cookieDigest(BrowserSecurity.browserCookie, request)
        do throws(StoreError) {
            switch try await passkeys.signIn(form, transaction: "", browser: browser, at: now) {
            case .verified(let user, let methods): return await open(user, methods, request, context, at: now)
            case .refused(let fault, let event): return .refusedPasskey(fault.notice, event)
            }
        } catch { return .unavailable }
    }

    private func judgePasskey(
        _ user: User, _ ticket: FactorTicket, _ form: Parameters, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        guard let passkeys = factor.passkeys else { return .stale }
        let browser = security.cookieDigest(BrowserSecurity.browserCookie, request)
        switch try await passkeys.verify(form, of: user, subject: ticket.subject(transaction: ""), browser: browser, at: now) {
        case .verified(_, let methods): return await open(user, [ticket.first] + methods, request, context, at: now)
        case .refused(let fault, let event):
            return await page(ticket, user, form, request, fault.notice, .unauthorized, event, at: now)
        }
    }

    private func judge(
        _ code: String, _ user: User, _ ticket: FactorTicket, _ form: Parameters, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async -> Outcome {
        guard let outcome = try? await factor.verify(code, of: user, at: now) else { return .unavailable }
        switch outcome {
        case .right: return await open(user, [ticket.first, .code], request, context, at: now)
        case .recoveryCodeUsed:
            return await open(
                user, [ticket.first, .recoveryCode], request, context, at: now,
                Event("mfa.recovery_used", severity: .warning, subject: user.name))
        case .wrong:
            var event = Event("auth.mfa.challenge", .failure, severity: .warning, subject: user.name)
            event.details = [("factor", "otp")]
            return await page(ticket, user, form, request, "The code is not right.", .unauthorized, event, at: now)
        case .throttled(let wait):
            let text = "Too many attempts. Wait \(wait.secondsRoundedUp) seconds and try again."
            return await page(ticket, user, form, request, text, .tooManyRequests, at: now)
        }
    }

    private func page(
        _ ticket: FactorTicket, _ user: User, _ form: Parameters, _ request: Request, _ notice: String?, _ status: Status,
        _ event: Event? = nil, at now: Timestamp
    ) async -> Outcome {
        let subject = ticket.subject(transaction: "")
        let token = security.freshForm(FactorTicket.purpose, subject, request).token
        var page = SecondFactorPage(
            transactionID: "", token: token, account: ticket.userID.text, passed: ticket.passed,
            device: form.all("device").first, notice: notice, status: status)
        do throws(StoreError) {
            page.hasApp = try await factor.kinds(of: user).hasApp
            if let browser = security.cookieDigest(BrowserSecurity.browserCookie, request) {
                page.passkey = try await factor.passkeys?.factorPrompt(subject, of: user.id, browser: browser, at: now)
            }
        } catch { return .unavailable }
        return .needsFactor(page, event.map { [$0] } ?? [])
    }

    private func open(
        _ user: User, _ methods: [AuthenticationMethods.Method], _ request: Request, _ context: RequestContext, at now: Timestamp,
        _ more: Event? = nil
    ) async -> Outcome {
        let methods = AuthenticationMethods(methods)
        guard let cookie = try? await sessions.open(user, by: methods, request, from: context.peer, at: now) else {
            return .unavailable
        }
        var event = Event("auth.login", subject: user.name)
        event.details = [("method", .string(methods.auditText))]
        return .success(
            cookie: cookie, device: security.rememberDevice(request, of: user.name, at: now), [event] + (more.map { [$0] } ?? []))
    }
}
