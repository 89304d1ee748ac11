package import HTTP
internal import Primitives

/// `POST /login` within a transaction.
extension AuthorizationFlow {
    package func signIn(_ request: Request, in context: RequestContext) async -> Response {
        let now = clock()
        let isSecondFactor = (try? request.form())?.contains("account") ?? false
        let step: Step
        switch await enter(isSecondFactor ? nil : "login", request, context, at: now) {
        case .stop(let response): return response
        case .go(let entered): step = entered
        }
        if isSecondFactor { return await takeSecondFactor(step, request, context, at: now) }
        if Passkeys.isAnswer(step.form) { return await takePasskey(step, request, context, at: now) }
        let username = step.form.all("username").first ?? ""
        let password = Secret(step.form.all("password").first ?? "")
        switch await login.attempt(username: username, password: password, request, from: context.peer, at: now) {
        case .unavailable: return unavailable(in: context)
        case .refused(let events):
            return loginPage(
                step.transaction, step.client, username: username, notice: "The user name or password is not right.",
                status: .unauthorized
            ).recording(events)
        case .throttled(let delay, let event):
            return loginPage(
                step.transaction, step.client, username: username,
                notice: "Too many attempts. Wait \(delay.secondsRoundedUp) seconds and try again.", status: .tooManyRequests
            ).with(.retryAfter, "\(delay.secondsRoundedUp)").recording(event)
        case .success(let user): return await passPassword(user, step, request, context, at: now)
        }
    }

    /// The password was right: the second factor comes next, where the user has one.
    private func passPassword(
        _ user: User, _ step: Step, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Response {
        do throws(StoreError) {
            guard try await factor.kinds(of: user).isRequired else {
                return await proceed(user, AuthenticationMethods([.password]), step, request, context, at: now)
            }
        } catch { return unavailable(in: context) }
        let ticket = FactorTicket(userID: user.id, passedAt: now)
        if let code = step.form.all("otp").first {  // both at once, as scripts send it
            return await judge(code, user, ticket, step, request, context, at: now)
        }
        return await secondFactorPage(ticket, user, step, notice: nil, status: .ok, context, at: now)
    }

    /// A passkey as the only factor: it says who it is, and checked that it is them (MFA-2).
    private func takePasskey(_ step: Step, _ request: Request, _ context: RequestContext, at now: Timestamp) async -> Response {
        guard let passkeys = factor.passkeys else {
            return loginPage(step.transaction, step.client, username: "", notice: PasskeyFault.unknown.notice)
        }
        do throws(StoreError) {
            switch try await passkeys.signIn(
                step.form, transaction: step.transaction.id, browser: step.transaction.browser, at: now)
            {
            case .verified(let user, let methods):
                return await proceed(user, AuthenticationMethods(methods), step, request, context, at: now)
            case .refused(let fault, let event):
                return loginPage(
                    step.transaction, step.client, username: "", notice: fault.notice, status: .unauthorized
                ).recording(event.of(step.client))
            }
        } catch { return unavailable(in: context) }
    }

    private func takeSecondFactor(
        _ step: Step, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Response {
        guard let ticket = FactorTicket(step.form, at: now),
            security.isFormToken(
                step.form.all("token").first, FactorTicket.purpose, ticket.subject(transaction: step.transaction.id),
                step.transaction.browser)
        else {
            return loginPage(step.transaction, step.client, username: "", notice: "That took too long. Sign in again.")
        }
        do throws(StoreError) {
            guard let user = try await server.users.user(ticket.userID), !user.isDisabled else {
                return loginPage(step.transaction, step.client, username: "", notice: "Sign in again.")
            }
            if Passkeys.isAnswer(step.form) { return try await judgePasskey(user, ticket, step, request, context, at: now) }
            return await judge(step.form.all("otp").first ?? "", user, ticket, step, request, context, at: now)
        } catch { return unavailable(in: context) }
    }

    private func judgePasskey(
        _ user: User, _ ticket: FactorTicket, _ step: Step, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async throws(StoreError) -> Response {
        guard let passkeys = factor.passkeys else {
            return await secondFactorPage(ticket, user, step, notice: nil, status: .ok, context, at: now)
        }
        let outcome = try await passkeys.verify(
            step.form, of: user, subject: ticket.subject(transaction: step.transaction.id), browser: step.transaction.browser,
            at: now)
        switch outcome {
        case .verified(_, let methods):
            var challenge = Event("auth.mfa.challenge", subject: user.name, client: step.client.id)
            challenge.details = [("factor", "passkey")]
            return await proceed(user, AuthenticationMethods([ticket.first] + methods), step, request, context, at: now)
                .recording(challenge)
        case .refused(let fault, let event):
            return await secondFactorPage(
                ticket, user, step, notice: fault.notice, status: .unauthorized, context, at: now
            ).recording(event.of(step.client))
        }
    }

    private func judge(
        _ code: String, _ user: User, _ ticket: FactorTicket, _ step: Step, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async -> Response {
        guard let outcome = try? await factor.verify(code, of: user, at: now) else {
            return unavailable(in: context)
        }
        var challenge = Event("auth.mfa.challenge", subject: user.name, client: step.client.id)
        challenge.details = [("factor", outcome == .recoveryCodeUsed ? "recovery code" : "otp")]
        switch outcome {
        case .right:
            return await proceed(user, AuthenticationMethods([ticket.first, .code]), step, request, context, at: now)
                .recording(challenge)
        case .recoveryCodeUsed:
            return await proceed(user, AuthenticationMethods([ticket.first, .recoveryCode]), step, request, context, at: now)
                .recording(Event("mfa.recovery_used", severity: .warning, subject: user.name))
        case .wrong:
            challenge.outcome = .failure
            challenge.severity = .warning
            return await secondFactorPage(
                ticket, user, step, notice: "The code is not right.", status: .unauthorized, context, at: now
            ).recording(challenge)
        case .throttled(let wait):
            return await secondFactorPage(
                ticket, user, step, notice: "Too many attempts. Wait \(wait.secondsRoundedUp) seconds and try again.",
                status: .tooManyRequests, context, at: now
            ).with(.retryAfter, "\(wait.secondsRoundedUp)")
        }
    }

    private func secondFactorPage(
        _ ticket: FactorTicket, _ user: User, _ step: Step, notice: String?, status: Status, _ context: RequestContext,
        at now: Timestamp
    ) async -> Response {
        let subject = ticket.subject(transaction: step.transaction.id)
        var page = SecondFactorPage(
            transactionID: step.transaction.id,
            token: security.formToken(FactorTicket.purpose, subject, step.transaction.browser), account: ticket.userID.text,
            passed: ticket.passed, device: nil, notice: notice, status: status)
        do throws(StoreError) {
            page.hasApp = try await factor.kinds(of: user).hasApp
            page.passkey = try await factor.passkeys?.factorPrompt(
                subject, of: user.id, browser: step.transaction.browser, at: now)
        } catch { return unavailable(in: context) }
        return pages.secondFactor(page)
    }

    private func proceed(
        _ user: User, _ methods: AuthenticationMethods, _ step: Step, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async -> Response {
        do {
            let cookie = try await sessions.open(user, by: methods, request, from: context.peer, at: now)
            var event = Event("auth.login", subject: user.name, client: step.client.id)
            event.details =
                [("method", .string(methods.auditText))] + (step.transaction.request.flow.map { [("flow", .string($0))] } ?? [])
            let signedIn = SignedIn(user: user, authenticatedAt: now, methods: methods)
            guard signedIn.isEnough(for: step.transaction.request, settings) else {
                return tooWeak(signedIn, step.transaction.request, context).with(.setCookie, cookie).recording(event)
            }
            try await transactions.setUser(user.id, by: methods, authenticatedAt: now, of: step.transaction.id)
            return Self.redirect(to: settings.issuer + "/consent?transaction=\(step.transaction.id)")
                .with(.setCookie, cookie).with(.setCookie, security.rememberDevice(request, of: user.name, at: now))
                .recording(event)
        } catch { return unavailable(in: context) }
    }

    /// MFA-3: signed in, but not by what this needs. The account page, where a factor is set up, is open to them.
    func tooWeak(_ session: SignedIn, _ ask: AuthorizationRequest, _ context: RequestContext) -> Response {
        let how =
            settings.assurance(for: session.user, ask) == .phishingResistant
            ? "This needs a passkey. Sign in with one, or add one at \(settings.issuer)/account first."
            : "This needs a second factor. Set up a passkey or an authenticator app at \(settings.issuer)/account first."
        return refuse(
            "A stronger sign-in is needed", how + " Then start again from your application.", rule: "MFA-3", in: context,
            status: .forbidden)
    }

    // MARK: - Entering a step

    /// A step of a transaction, every binding checked.
    struct Step: Sendable {
        let transaction: LoginTransaction
        let client: Client
        let form: Parameters
    }

    enum Entry: Sendable {
        case go(Step)
        case stop(Response)
    }

    /// Checks origin, transaction, browser cookie and synchroniser token of a form POST (AZ-14, WEB-4).
    /// - Parameter purpose: of the form token; nil when the caller checks another one.
    func enter(_ purpose: String?, isConsent: Bool = false, _ request: Request, _ context: RequestContext, at now: Timestamp) async
        -> Entry
    {
        guard let form = try? request.form() else {
            return .stop(
                refuse("Request refused", "The form could not be read. Go back and try again.", rule: "COM-4", in: context))
        }
        guard security.isSameOrigin(request) else {
            return .stop(
                refuse(
                    "Request refused", "The form was sent from another site. Start again from your application.", rule: "WEB-4",
                    in: context, status: .forbidden))
        }
        return await enter(
            id: form.all("transaction").first, purpose: purpose, isConsent: isConsent, form, request, context, at: now)
    }

    /// The same for a GET, which carries no form token and changes nothing.
    func enter(
        id: String?, purpose: String?, isConsent: Bool = false, _ form: Parameters, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async -> Entry {
        let expired = refuse(
            "This sign-in has ended", "It was finished before, or more than ten minutes passed. Start again from your application.",
            rule: "AZ-14", in: context, status: isConsent ? .ok : .badRequest)
        guard let id, TransactionID.isWellFormed(id) else { return .stop(expired) }
        do {
            guard let transaction = try await transactions.transaction(id, at: now) else { return .stop(expired) }
            let browser = security.cookieDigest(BrowserSecurity.browserCookie, request)
            guard browser == transaction.browser,
                purpose.map({ security.isFormToken(form.all("token").first, $0, id, transaction.browser) }) ?? true
            else {
                return .stop(
                    refuse(
                        "Request refused", "This sign-in was opened in another browser. Start again from your application.",
                        rule: "AZ-14", in: context, status: .forbidden))
            }
            guard let client = try await clients.client(transaction.request.clientID, at: now) else { return .stop(expired) }
            return .go(Step(transaction: transaction, client: client, form: form))
        } catch { return .stop(unavailable(in: context)) }
    }
}

extension Event {
    func of(_ client: Client) -> Event {
        var event = self
        event.client = client.id
        return event
    }
}
