internal import Crypto
package import HTTP
internal import Primitives

/// `GET /consent` shows the question, `POST /consent` takes the answer and issues the code (CON-1 to CON-3, AZ-16).
extension AuthorizationFlow {
    package func showConsent(_ request: Request, in context: RequestContext) async -> Response {
        let now = clock()
        let query = try? Parameters(parsing: request.query)
        let id = query?.all("transaction").first
        guard let query else {
            return refuse("Request refused", "The address of this page is not complete.", rule: "COM-5", in: context)
        }
        switch await enter(id: id, purpose: nil, query, request, context, at: now) {
        case .stop(let response): return response
        case .go(let step):
            do throws(StoreError) {
                guard let session = try await signedIn(step, request, at: now) else {
                    return loginPage(step.transaction, step.client, username: "", notice: nil)
                }
                return try await question(step.transaction, step.client, session.user, at: now)
            } catch { return unavailable(in: context) }
        }
    }

    package func decide(_ request: Request, in context: RequestContext) async -> Response {
        let now = clock()
        let step: Step
        switch await enter(nil, isConsent: true, request, context, at: now) {
        case .stop(let response): return response
        case .go(let entered): step = entered
        }
        guard let shownAt = consentShownAt(step.form.all("token").first, step.transaction) else {
            return refuse(
                "Request refused", "This sign-in was opened in another browser. Start again from your application.", rule: "WEB-4",
                in: context, status: .forbidden)
        }
        do {
            guard let session = try await signedIn(step, request, at: now) else {
                return loginPage(step.transaction, step.client, username: "", notice: "Sign in again to continue.")
            }
            let user = session.user
            guard now - shownAt <= Self.consentFormLifetime else {
                return consentPage(
                    step.transaction, step.client, user, at: now, notice: "This page was open for a while. Please decide again.")
            }
            switch step.form.all("decision").first {
            case "allow" where mustWait(step.client): return try await question(step.transaction, step.client, user, at: now)
            case "allow": return try await allow(session, step, context, at: now)
            case "deny": return try await deny(user, step, context)
            default:
                return consentPage(step.transaction, step.client, user, at: now, notice: "Choose Allow or Deny.")
            }
        } catch { return unavailable(in: context) }
    }

    /// The user who signed in within this transaction, when this browser's session is still theirs and what they proved is enough.
    private func signedIn(_ step: Step, _ request: Request, at now: Timestamp) async throws(StoreError) -> SignedIn? {
        guard let id = step.transaction.userID, let authenticatedAt = step.transaction.authenticatedAt,
            let session = try await sessions.current(request, at: now), session.user.id == id
        else { return nil }
        let proven = SignedIn(user: session.user, authenticatedAt: authenticatedAt, methods: step.transaction.methods)
        return proven.isEnough(for: step.transaction.request, settings) ? proven : nil
    }

    private func allow(_ session: SignedIn, _ step: Step, _ context: RequestContext, at now: Timestamp) async throws(StoreError)
        -> Response
    {
        let user = session.user
        let ask = step.transaction.request
        let offered = ask.scopes.bounded(by: user.role)
        let ticked = ScopeSet(step.form.all("scope").compactMap { Scope($0) }.filter { offered.covers($0) })
        guard !ticked.isEmpty else {
            return consentPage(
                step.transaction, step.client, user, at: now, notice: "Tick at least one permission, or choose Deny.")
        }
        guard try await transactions.consume(step.transaction.id) else {
            return refuse("Already answered", "This request was answered before.", rule: "WEB-6", in: context, status: .ok)
        }
        let consent = try await server.consents.keep(
            Consent(
                id: ConsentID("k" + Random.text(21)), userID: user.id, clientID: step.client.id,
                redirectHost: RedirectURI.displayHost(ask.redirectURI),
                resource: ask.resource, scopes: ticked, metadataHash: step.client.metadataHash, givenAt: now,
                expiresAt: now + OAuthSettings.consentLifetime))
        let (url, event) = try await issueCode(ask, step.client, session, ticked, consent, isRemembered: false, at: now)
        return pages.handOff(to: url, host: RedirectURI.displayHost(ask.redirectURI)).recording(event)
    }

    /// AZ-16: the code, bound to all that was decided, in the client's own address.
    func issueCode(
        _ ask: AuthorizationRequest, _ client: Client, _ session: SignedIn, _ scopes: ScopeSet, _ consent: ConsentID,
        isRemembered: Bool, at now: Timestamp
    ) async throws(StoreError) -> (url: String, Event) {
        let user = session.user
        var grant = Grant(
            id: GrantID("g" + Random.text(21)), userID: user.id, clientID: client.id, scopes: scopes, resource: ask.resource,
            redirectURI: ask.redirectURI, createdAt: now, endsAt: now + settings.refreshAbsolute,
            authenticatedAt: session.authenticatedAt, isOffline: ask.isOffline, flow: ask.flow)
        grant.methods = session.methods
        let code = TokenFormat.mint(.code)
        try await grants.insert(
            grant,
            code: NewCode(
                digest: hasher.digest(of: code), challenge: ask.challenge, dpopKey: ask.dpopKey,
                expiresAt: now + OAuthSettings.codeLifetime, consentID: consent))
        try await clients.markUsed(
            client.id, at: now, expiresAt: client.kind == .dynamic ? now + OAuthSettings.usedClientLifetime : nil)
        var event = Event(
            "consent.granted", subject: user.name, client: client.id, grant: grant.id, resource: ask.resource,
            scopes: scopes.description,
            details: [
                ("redirect_host", .string(RedirectURI.displayHost(ask.redirectURI))), ("consent", .string(consent.text)),
            ])
        if isRemembered { event.details.append(("remembered", true)) }
        if let flow = ask.flow { event.details.append(("flow", .string(flow))) }
        return (answerURL(ask.redirectURI, [("code", code.exposeText())], state: ask.state), event)
    }

    private func deny(_ user: User, _ step: Step, _ context: RequestContext) async throws(StoreError) -> Response {
        guard try await transactions.consume(step.transaction.id) else {
            return refuse("Already answered", "This request was answered before.", rule: "WEB-6", in: context, status: .ok)
        }
        let ask = step.transaction.request
        let event = Event("consent.denied", .denied, subject: user.name, client: step.client.id, resource: ask.resource)
        var response = answerError(
            OAuthError(.accessDenied, "The user said no.", rule: "CON-3"), redirectURI: ask.redirectURI, state: ask.state,
            client: step.client, afterForm: true)
        // One record for one no: nothing was wrong with the request.
        response.events = [event]
        return response
    }
}
