package import HTTP
internal import Primitives

/// `POST /login` within a transaction.
extension AuthorizationFlow {
    package func signIn(_ request: Request, in context: RequestContext) async -> Response {
        let now = clock()
        let step: Step
        switch await enter("login", request, context, at: now) {
        case .stop(let response): return response
        case .go(let entered): step = entered
        }
        let username = step.form.all("username").first ?? ""
        let password = Secret(step.form.all("password").first ?? "")
        switch await login.attempt(username: username, password: password, from: context.peer, at: now) {
        case .unavailable: return unavailable(in: context)
        case .refused(let event):
            return loginPage(
                step.transaction, step.client, username: username, notice: "The user name or password is not right.",
                status: .unauthorized
            ).recording(event)
        case .throttled(let delay, let event):
            return loginPage(
                step.transaction, step.client, username: username,
                notice: "Too many attempts. Wait \(delay.secondsRoundedUp) seconds and try again.", status: .tooManyRequests
            ).with(.retryAfter, "\(delay.secondsRoundedUp)").recording(event)
        case .success(let user): return await proceed(user, step, request, context, at: now)
        }
    }

    private func proceed(_ user: User, _ step: Step, _ request: Request, _ context: RequestContext, at now: Timestamp) async
        -> Response
    {
        do {
            let cookie = try await sessions.open(user, request, from: context.peer, at: now)
            try await transactions.setUser(user.id, authenticatedAt: now, of: step.transaction.id)
            var event = Event("auth.login", subject: user.name, client: step.client.id)
            event.details = [("method", "password")]
            return Self.redirect(to: settings.issuer + "/consent?transaction=\(step.transaction.id)")
                .with(.setCookie, cookie).recording(event)
        } catch { return unavailable(in: context) }
    }

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
    func enter(_ purpose: String, _ request: Request, _ context: RequestContext, at now: Timestamp) async -> Entry {
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
        return await enter(id: form.all("transaction").first, purpose: purpose, form, request, context, at: now)
    }

    /// The same for a GET, which carries no form token and changes nothing.
    func enter(
        id: String?, purpose: String?, _ form: Parameters, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Entry {
        let expired = refuse(
            "This sign-in has ended", "It was finished before, or more than ten minutes passed. Start again from your application.",
            rule: "AZ-14", in: context, status: purpose == "consent" ? .ok : .badRequest)
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
