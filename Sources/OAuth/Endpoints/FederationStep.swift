package import HTTP
internal import Primitives

/// `/login/<provider>` sends the browser to an OpenID provider, `/callback/<provider>` takes it back (oauth.md §15).
extension AuthorizationFlow {
    package func beginFederation(_ name: String, _ request: Request, in context: RequestContext) async -> Response {
        guard let federation, let provider = federation.provider(named: name), request.method == .get else {
            return refuse("Not found", "There is no such way to sign in.", rule: "OP-2", in: context, status: .notFound)
        }
        let now = clock()
        let query = try? Parameters(parsing: request.query)
        let transaction = query?.all("transaction").first
        if let transaction, let query {
            guard case .go = await enter(id: transaction, purpose: nil, query, request, context, at: now) else {
                return refuse("This sign-in has ended", "Start again from your application.", rule: "AZ-14", in: context)
            }
        }
        guard let (url, cookie) = await federation.begin(provider, transaction: transaction, browser: request, at: now) else {
            return refuse(
                "Please try again", "\(provider.title) does not answer. Wait a little, or sign in with a password.", rule: "OP-1",
                in: context, status: .serviceUnavailable)
        }
        let response = Self.redirect(to: url)
        return cookie.map { response.with(.setCookie, $0) } ?? response
    }

    package func finishFederation(_ name: String, _ request: Request, in context: RequestContext) async -> Response {
        guard let federation, let provider = federation.provider(named: name), request.method == .get else {
            return refuse("Not found", "There is no such way to sign in.", rule: "OP-2", in: context, status: .notFound)
        }
        let now = clock()
        switch await federation.finish(provider, request, at: now) {
        case .unavailable: return unavailable(in: context)
        case .refused(let text, let event):
            return refuse("Not signed in", text, rule: "OP-3", in: context, status: .forbidden, events: [event])
        case .user(let user, let transaction, let events):
            do {
                if try await factor.kinds(of: user).isRequired {
                    return try await askSecondFactor(user, transaction, request, events, at: now)
                }
                let cookie = try await sessions.open(
                    user, by: AuthenticationMethods([.provider]), request, from: context.peer, at: now)
                let signedIn = SignedIn(user: user, authenticatedAt: now, methods: AuthenticationMethods([.provider]))
                if let transaction {
                    if let pending = try await transactions.transaction(transaction, at: now),
                        !signedIn.isEnough(for: pending.request, settings)
                    {
                        return tooWeak(signedIn, pending.request, context).with(.setCookie, cookie)
                    }
                    try await transactions.setUser(user.id, by: signedIn.methods, authenticatedAt: now, of: transaction)
                }
                let next = transaction.map { "/consent?transaction=" + $0 } ?? "/account"
                // A page of ours, not a redirect: the session cookie is Lax, and this request came from another site.
                var response = pages.handOff(to: settings.issuer + next, host: "your account").with(.setCookie, cookie)
                response.events = events
                return response
            } catch { return unavailable(in: context) }
        }
    }

    /// A provider's word stands for the password, not for the second factor a person has set up here.
    private func askSecondFactor(
        _ user: User, _ transaction: String?, _ request: Request, _ events: [Event], at now: Timestamp
    ) async throws(StoreError) -> Response {
        let ticket = FactorTicket(userID: user.id, passedAt: now, first: .provider)
        let subject = ticket.subject(transaction: transaction ?? "")
        let token = security.freshForm(FactorTicket.purpose, subject, request).token
        var challenge = Event("auth.mfa.challenge", subject: user.name)
        challenge.details = events.first?.details ?? []
        var page = SecondFactorPage(
            transactionID: transaction ?? "", token: token, account: ticket.userID.text, passed: ticket.passed, device: nil,
            notice: nil, status: .ok)
        page.hasApp = try await factor.kinds(of: user).hasApp
        if let browser = security.cookieDigest(BrowserSecurity.browserCookie, request) {
            page.passkey = try await factor.passkeys?.factorPrompt(subject, of: user.id, browser: browser, at: now)
        }
        return pages.secondFactor(page).recording(challenge)
    }
}
