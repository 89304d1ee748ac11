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
        login = PasswordLogin(users: users, checker: checker, throttle: throttle)
        self.factor = factor
        self.sessions = sessions
        self.security = security
    }

    package enum Outcome: Sendable {
        /// The `Set-Cookie` value of the new session.
        case success(cookie: String, [Event])
        case refused(Event)
        case throttled(Duration, Event)
        /// The password was right; this page asks for the code.
        case needsFactor(SecondFactorPage, [Event])
        /// The form was too old or from elsewhere.
        case stale
        case unavailable
    }

    package func attempt(_ form: Parameters, _ request: Request, _ context: RequestContext, at now: Timestamp) async -> Outcome {
        if form.contains("account") { return await takeSecondFactor(form, request, context, at: now) }
        let password = Secret(form.all("password").first ?? "")
        switch await login.attempt(
            username: form.all("username").first ?? "", password: password, from: context.peer, at: now)
        {
        case .refused(let event): return .refused(event)
        case .throttled(let delay, let event): return .throttled(delay, event)
        case .unavailable: return .unavailable
        case .success(let user):
            do throws(StoreError) {
                guard try await factor.isRequired(of: user) else { return await open(user, "password", request, context, at: now) }
            } catch { return .unavailable }
            let ticket = FactorTicket(userID: user.id, passedAt: now)
            if let code = form.all("otp").first { return await judge(code, user, ticket, form, request, context, at: now) }
            return page(ticket, form, request, nil, .ok)
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
            return await judge(form.all("otp").first ?? "", user, ticket, form, request, context, at: now)
        } catch { return .unavailable }
    }

    private func judge(
        _ code: String, _ user: User, _ ticket: FactorTicket, _ form: Parameters, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async -> Outcome {
        guard let outcome = try? await factor.verify(code, of: user, at: now) else { return .unavailable }
        switch outcome {
        case .right: return await open(user, "password otp", request, context, at: now)
        case .recoveryCodeUsed:
            return await open(
                user, "password recovery", request, context, at: now,
                Event("mfa.recovery_used", severity: .warning, subject: user.name))
        case .wrong:
            var event = Event("auth.mfa.challenge", .failure, severity: .warning, subject: user.name)
            event.details = [("factor", "otp")]
            return page(ticket, form, request, "The code is not right.", .unauthorized, event)
        case .throttled(let wait):
            let text = "Too many attempts. Wait \(wait.secondsRoundedUp) seconds and try again."
            return page(ticket, form, request, text, .tooManyRequests)
        }
    }

    private func page(
        _ ticket: FactorTicket, _ form: Parameters, _ request: Request, _ notice: String?, _ status: Status, _ event: Event? = nil
    ) -> Outcome {
        let token = security.freshForm(FactorTicket.purpose, ticket.subject(transaction: ""), request).token
        return .needsFactor(
            SecondFactorPage(
                transactionID: "", token: token, account: ticket.userID.text, passed: "\(ticket.passedAt.milliseconds)",
                device: form.all("device").first, notice: notice, status: status), event.map { [$0] } ?? [])
    }

    private func open(
        _ user: User, _ method: String, _ request: Request, _ context: RequestContext, at now: Timestamp, _ more: Event? = nil
    ) async -> Outcome {
        guard let cookie = try? await sessions.open(user, request, from: context.peer, at: now) else { return .unavailable }
        var event = Event("auth.login", subject: user.name)
        event.details = [("method", .string(method))]
        return .success(cookie: cookie, [event] + (more.map { [$0] } ?? []))
    }
}
