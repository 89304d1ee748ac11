internal import Crypto
package import HTTP
package import Primitives

/// What the device pages show (RFC 8628 §3.3; DEV-1).
package enum DevicePage: Sendable {
    /// Asks for the code.
    case ask(token: String, notice: String?)
    /// Asks whether this device may.
    case confirm(
        token: String, userCode: String, clientName: String, address: String, username: String, resourceTitle: String,
        scopes: ScopeSet)
    /// Says what came of it.
    case done(isAllowed: Bool)
}

/// Renders the device pages.
package protocol DevicePages: Sendable {
    func device(_ page: DevicePage) -> Response
}

/// `/device`: a signed-in person types the code a device shows, reads who asks for what from where, and answers. Nothing is
/// approved by following a link.
package struct DeviceFlow: Sendable {
    private let server: AuthorizationServer
    private let sessions: BrowserSessions
    private let security: BrowserSecurity
    /// Five wrong codes, then waiting (DEV-1).
    private let throttle: any LoginThrottle
    private let pages: any DevicePages

    package init(
        _ server: AuthorizationServer, sessions: BrowserSessions, security: BrowserSecurity, throttle: any LoginThrottle,
        pages: any DevicePages
    ) {
        self.server = server
        self.sessions = sessions
        self.security = security
        self.throttle = throttle
        self.pages = pages
    }

    /// What a request came to when the page itself cannot answer it.
    package enum Outcome: Sendable {
        case page(Response)
        /// Sign in first, then come back with this code.
        case signIn(userCode: String?)
        /// A form that was too old or from elsewhere.
        case refused
        case unavailable
    }

    package func respond(to request: Request, in context: RequestContext) async -> Outcome {
        let now = server.clock()
        let form: Parameters
        do {
            form = request.method == .post ? try request.form() : try Parameters(parsing: request.query)
        } catch { return .refused }
        let typed = form.all("user_code").first
        do throws(StoreError) {
            guard let session = try await sessions.current(request, at: now) else {
                return .signIn(userCode: typed.flatMap(UserCode.normalized))
            }
            guard request.method == .post else { return try await show(typed, session.user, request, context, at: now) }
            guard security.isSameOrigin(request),
                security.isFormToken(form.all("token").first, "device", session.user.id.text, request)
            else { return .refused }
            return try await answer(form, session, request, context, at: now)
        } catch { return .unavailable }
    }

    private func show(
        _ typed: String?, _ user: User, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        guard let typed else { return ask(user, request, notice: nil) }
        return try await look(typed, user, request, context, at: now)
    }

    private func ask(_ user: User, _ request: Request, notice: String?) -> Outcome {
        let (cookie, token) = security.freshForm("device", user.id.text, request)
        let page = pages.device(.ask(token: token, notice: notice))
        return .page(cookie.map { page.with(.setCookie, $0) } ?? page)
    }

    private enum Finding {
        case found((code: String, pending: DeviceAuthorization))
        case refused(String)
    }

    private static let unknown = "This code is not known or has expired. Check it, or start again on the device."

    /// The one door to codes people type: five wrong ones make the next wait, whatever form they come in (DEV-1).
    private func find(_ typed: String, _ user: User, at now: Timestamp) async throws(StoreError) -> Finding {
        let attempt = LoginAttempt(account: "device\u{0}" + user.name, address: nil)
        if let wait = throttle.delay(attempt) {
            return .refused("Too many wrong codes. Wait \(wait.secondsRoundedUp) seconds and try again.")
        }
        guard let code = UserCode.normalized(typed), let pending = try await server.devices.pending(userCode: digest(code), at: now)
        else {
            _ = await throttle.failed(attempt)
            return .refused(Self.unknown)
        }
        return .found((code, pending))
    }

    private func look(
        _ typed: String, _ user: User, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let code: String, pending: DeviceAuthorization
        switch try await find(typed, user, at: now) {
        case .refused(let text): return ask(user, request, notice: text)
        case .found(let found): (code, pending) = found
        }
        guard let client = try await server.clients.client(pending.clientID, at: now) else {
            return ask(user, request, notice: Self.unknown)
        }
        let (cookie, token) = security.freshForm("device", user.id.text, request)
        let page = pages.device(
            .confirm(
                token: token, userCode: code, clientName: client.name, address: pending.address, username: user.name,
                resourceTitle: server.settings.resource(named: pending.resource)?.title ?? "",
                scopes: pending.scopes.bounded(by: user.role)))
        return .page(cookie.map { page.with(.setCookie, $0) } ?? page)
    }

    private func answer(
        _ form: Parameters, _ session: SignedIn, _ request: Request, _ context: RequestContext,
        at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let user = session.user
        guard let typed = form.all("user_code").first else { return ask(user, request, notice: "Type the code the device shows.") }
        guard let decision = form.all("decision").first else { return try await look(typed, user, request, context, at: now) }
        let code: String, pending: DeviceAuthorization
        switch try await find(typed, user, at: now) {
        case .refused(let text): return ask(user, request, notice: text)
        case .found(let found): (code, pending) = found
        }
        guard decision == "allow" else {
            _ = try await server.devices.deny(userCode: digest(code), at: now)
            return .page(
                pages.device(.done(isAllowed: false)).recording(
                    Event("consent.denied", .denied, subject: user.name, client: pending.clientID, resource: pending.resource)))
        }
        let offered = pending.scopes.bounded(by: user.role)
        let ticked = ScopeSet(form.all("scope").compactMap { Scope($0) }.filter { offered.covers($0) })
        guard !ticked.isEmpty else { return try await look(typed, user, request, context, at: now) }
        guard let client = try await server.clients.client(pending.clientID, at: now) else {
            return ask(user, request, notice: Self.unknown)
        }
        if server.settings.mustWait(client) { return try await wait(for: client, ticked, user, request, at: now) }
        let least = server.settings.assurance(for: user, scopes: ticked)
        guard (session.methods.assurance ?? .single) >= least else {
            return ask(user, request, notice: "This needs a stronger sign-in: sign out, and sign in with a second factor.")
        }
        var grant = Grant(
            id: GrantID("g" + Random.text(21)), userID: user.id, clientID: pending.clientID, scopes: ticked,
            resource: pending.resource, redirectURI: "", createdAt: now, endsAt: now + server.settings.refreshAbsolute,
            authenticatedAt: session.authenticatedAt)
        grant.methods = session.methods
        guard try await server.devices.approve(userCode: digest(code), grant: grant, at: now) else {
            return ask(user, request, notice: "This code was answered before or has expired.")
        }
        try await server.clients.markUsed(pending.clientID, at: now, expiresAt: nil)
        let event = Event(
            "consent.granted", subject: user.name, client: pending.clientID, grant: grant.id, resource: pending.resource,
            scopes: ticked.description, details: [("grant_type", "device_code")])
        return .page(pages.device(.done(isAllowed: true)).recording(event))
    }

    /// CON-4: a device is no way around the administrator.
    private func wait(
        for client: Client, _ scopes: ScopeSet, _ user: User, _ request: Request, at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let isNew = try await server.approvals.ask(
            for: client.id, user: user.id, redirectHost: "a device", scopes: scopes, perUser: AuthorizationFlow.requestsPerUser,
            at: now)
        let outcome = ask(
            user, request, notice: "An administrator has to approve this application first. They see your request now.")
        guard isNew, case .page(let page) = outcome else { return outcome }
        return .page(
            page.recording(
                Event(
                    "consent.required", .denied, reason: "CON-4", subject: user.name, client: client.id,
                    scopes: scopes.description)))
    }

    private func digest(_ code: String) -> TokenDigest { server.hasher.digest(of: "user code " + code) }

    /// A code as a person may type it, in its one form; nil when it cannot be one.
    package static func normalized(_ text: String?) -> String? { text.flatMap(UserCode.normalized) }
}
