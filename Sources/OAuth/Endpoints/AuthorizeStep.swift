package import HTTP
internal import Primitives

/// `GET` and form `POST /authorize`: checks the request and opens a transaction.
extension AuthorizationFlow {
    package func authorize(_ request: Request, in context: RequestContext) async -> Response {
        let parameters: Parameters
        do {
            switch request.method {
            case .get, .head: parameters = try Parameters(parsing: request.query)
            case .post: parameters = try request.form()
            default:
                return refuse(
                    "Not allowed", "Open this page from your application.", rule: "COM-2", in: context, status: .methodNotAllowed
                )
                .with(.allow, "GET, POST")
            }
        } catch {
            return refuse("Request refused", "The application sent a request that cannot be read.", rule: "COM-5", in: context)
        }
        let now = clock()
        switch await parser.parse(parameters, at: now) {
        case .unavailable: return unavailable(in: context)
        case .local(let refusal):
            return refuse("Connection refused", refusal.text, rule: refusal.rule, in: context, events: refusal.events)
        case .redirectable(let error, let uri, let state, let client):
            return answerError(error, redirectURI: uri, state: state, client: client, afterForm: request.method == .post)
        case .valid(var ask, let client, let events):
            ask.flow = traces?.flow(of: client.id, from: context.peer)
            var response = await open(ask, client, request, context, at: now)
            response.events = events + response.events
            return response
        }
    }

    private func open(
        _ ask: AuthorizationRequest, _ client: Client, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Response {
        let session: SignedIn?
        do { session = try await sessions.current(request, at: now) } catch { return unavailable(in: context) }
        let isFresh = session.map { session in
            !ask.prompt.contains(.login) && (ask.maxAge.map { now - session.authenticatedAt <= .seconds($0) } ?? true)
                && session.isEnough(for: ask, settings)
        }
        if isFresh == true, let session, let consent = await rememberedConsent(ask, client, session.user, request, at: now) {
            return await answerAtOnce(ask, client, session, consent, context, at: now)
        }
        if ask.prompt.contains(.none) {
            let code: OAuthError.Code = isFresh == true ? .consentRequired : .loginRequired
            return answerError(
                OAuthError(code, "The user has to be asked.", rule: "AZ-11"), redirectURI: ask.redirectURI, state: ask.state,
                client: client, afterForm: request.method == .post)
        }
        let known = security.cookieDigest(BrowserSecurity.browserCookie, request)
        let cookie: (value: String?, digest: TokenDigest) = known.map { (nil, $0) } ?? freshBrowser()
        var transaction = LoginTransaction(
            id: TransactionID.fresh(), browser: cookie.digest, request: ask, userID: isFresh == true ? session?.user.id : nil,
            authenticatedAt: isFresh == true ? session?.authenticatedAt : nil, createdAt: now,
            expiresAt: now + OAuthSettings.transactionLifetime)
        if isFresh == true, let session { transaction.methods = session.methods }
        do {
            try await transactions.insert(transaction, perBrowser: Self.transactionsPerBrowser, total: Self.transactionsTotal)
        } catch { return unavailable(in: context) }
        var response: Response
        if transaction.userID != nil, let session {
            do throws(StoreError) { response = try await question(transaction, client, session.user, at: now) } catch {
                return unavailable(in: context)
            }
        } else {
            response = loginPage(transaction, client, username: ask.loginHint ?? "", notice: nil)
        }
        if let value = cookie.value {
            response.fields.append(.setCookie, Cookies.set(BrowserSecurity.browserCookie, value, maxAge: .seconds(3600)))
        }
        return response
    }

    /// CON-2: a consent given before stands in only when an administrator approved the client, or when the browser says that no
    /// other site sent it here; and only for the same addresses, scopes and metadata.
    private func rememberedConsent(
        _ ask: AuthorizationRequest, _ client: Client, _ user: User, _ request: Request, at now: Timestamp
    ) async -> ConsentID? {
        guard !ask.prompt.contains(.consent), !mustWait(client) else { return nil }
        let site = request.fields.single(.secFetchSite)
        guard client.approvedAt != nil || (site.map { ["none", "same-origin", "same-site"].contains($0) } ?? false) else {
            return nil
        }
        let consent = try? await server.consents.consent(
            of: user.id, client: client.id, redirectHost: RedirectURI.displayHost(ask.redirectURI), resource: ask.resource, at: now)
        guard let consent, consent.metadataHash == client.metadataHash else { return nil }
        return ask.scopes.bounded(by: user.role).scopes.allSatisfy(consent.scopes.covers) ? consent.id : nil
    }

    private func answerAtOnce(
        _ ask: AuthorizationRequest, _ client: Client, _ session: SignedIn, _ consent: ConsentID,
        _ context: RequestContext, at now: Timestamp
    ) async -> Response {
        do throws(StoreError) {
            let scopes = ask.scopes.bounded(by: session.user.role)
            let (url, event) = try await issueCode(
                ask, client, session, scopes, consent, isRemembered: true, at: now)
            return Self.redirect(to: url).recording(event)
        } catch { return unavailable(in: context) }
    }

    private func freshBrowser() -> (value: String?, digest: TokenDigest) {
        let value = BrowserSecurity.freshCookie()
        return (value, hasher.digest(of: value))
    }

    func loginPage(
        _ transaction: LoginTransaction, _ client: Client, username: String, notice: String?, status: Status = .ok
    ) -> Response {
        pages.login(
            LoginPage(
                providers: providers, transactionID: transaction.id,
                token: security.formToken("login", transaction.id, transaction.browser),
                clientName: client.name, username: username, notice: notice, status: status,
                passkey: factor.passkeys?.signInPrompt(
                    transaction: transaction.id, browser: transaction.browser, at: clock())))
    }

    func consentPage(_ transaction: LoginTransaction, _ client: Client, _ user: User?, at now: Timestamp, notice: String?)
        -> Response
    {
        guard let user else { return loginPage(transaction, client, username: "", notice: nil) }
        let ask = transaction.request
        let resource = settings.resource(named: ask.resource)
        var page = ConsentPage(
            transactionID: transaction.id, token: consentToken(transaction, user, at: now),
            clientName: client.name, clientKind: client.kind,
            clientHost: client.kind == .metadata ? RedirectURI.displayHost(client.id.text) : nil,
            redirectHost: RedirectURI.displayHost(ask.redirectURI),
            isLoopbackOnly: client.redirectURIs.allSatisfy(RedirectURI.isLoopback), isNew: client.lastUsedAt == nil,
            username: user.name, resourceTitle: resource?.title ?? "", resourceURL: ask.resource,
            scopes: ask.scopes.bounded(by: user.role), role: user.role, expiresIn: settings.refreshAbsolute, notice: notice)
        page.knownSince = client.createdAt
        page.isFromElsewhere = !settings.clientHosts.allowed.isEmpty && settings.clientHosts.judge(client) != .vouchedFor
        return pages.consent(page)
    }

    /// CON-3: good for five minutes, for this transaction, browser and person.
    private func consentToken(_ transaction: LoginTransaction, _ user: User, at now: Timestamp) -> String {
        let shownAt = String(now.seconds)
        return shownAt + "."
            + security.formToken("consent", Self.consentSubject(transaction, user.id, shownAt), transaction.browser)
    }

    /// When the answered page was shown; nil when its token is no token of this transaction, browser and person.
    func consentShownAt(_ token: String?, _ transaction: LoginTransaction) -> Timestamp? {
        guard let parts = token?.split(separator: ".", maxSplits: 1), parts.count == 2, let seconds = Int64(parts[0]),
            let user = transaction.userID,
            security.isFormToken(
                String(parts[1]), "consent", Self.consentSubject(transaction, user, String(parts[0])), transaction.browser)
        else { return nil }
        return Timestamp(seconds: seconds)
    }

    private static func consentSubject(_ transaction: LoginTransaction, _ user: UserID, _ shownAt: String) -> String {
        "\(transaction.id)\u{0}\(user)\u{0}\(shownAt)"
    }

    static let consentFormLifetime = Duration.seconds(300)
}

extension ScopeSet {
    /// The scopes a user of that role can really use (AZ-15): higher classes become the role's own.
    func bounded(by role: Role) -> ScopeSet {
        ScopeSet(scopes.map { Scope(engine: $0.engine, permission: min($0.permission, role.permission)) })
    }
}
