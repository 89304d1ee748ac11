import Audit
import HTTP
import OAuth
import Primitives

/// `/admin`: administrators look after users, clients, sessions and approvals. Plain pages; every change is on record before it
/// is made (AUD-3).
struct AdministrationEndpoint: Sendable {
    /// Lends its stores, sessions and forms.
    let account: AccountEndpoint
    let approvals: any ApprovalStore
    let security: SecurityLog

    static let pathPrefix = "/admin"
    static let paths = ["/admin", "/admin/users", "/admin/clients", "/admin/sessions"]
    /// How long a sign-in is good for here; then it is asked for again.
    static let freshness = Duration.seconds(1800)
    /// Rows of one list on a page.
    static let rowLimit = 100

    var server: AuthorizationServer { account.server }
    var pages: Pages { account.pages }
    var issuer: String { account.issuer }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        let now = account.clock()
        do {
            guard let session = try await account.sessions.current(request, at: now) else { return signIn }
            guard session.user.role == .admin else {
                return account.refuse("Not for you", "Only administrators may see this page.", context, .forbidden)
                    .recording(Event("admin.command", .denied, severity: .warning, reason: "role", subject: session.user.name))
            }
            switch try await account.adminStanding(session, at: now) {
            case .stale: return signIn
            case .weak(let text): return account.refuse("A stronger sign-in is needed", text, context, .forbidden)
            case .good: break
            }
            switch request.method {
            case .get, .head:
                guard let query = try? Parameters(parsing: request.query) else { return account.refuseForm(context) }
                return try await show(View(request.path, query), Ask(session.user, query, request, context, now), nil)
            case .post: return try await take(session.user, request, context, at: now)
            default:
                return account.refuse("Not allowed", "This page takes GET and POST.", context, .methodNotAllowed)
                    .with(.allow, "GET, POST")
            }
        } catch { return account.busy(context) }
    }

    var signIn: Response { AuthorizationFlow.redirect(to: issuer + "/login?device=" + AccountEndpoint.administration) }

    /// Which page.
    enum View: Sendable, Hashable {
        case overview, users, clients, sessions
        case user(String)

        init(_ path: String, _ query: Parameters) {
            switch path {
            case "/admin/users": self = query.all("name").first.map { .user($0) } ?? .users
            case "/admin/clients": self = .clients
            case "/admin/sessions": self = .sessions
            default: self = .overview
            }
        }
    }

    /// One request of an administrator.
    struct Ask: Sendable {
        let user: User
        let form: Parameters
        let request: Request
        let context: RequestContext
        let now: Timestamp

        init(_ user: User, _ form: Parameters, _ request: Request, _ context: RequestContext, _ now: Timestamp) {
            self.user = user
            self.form = form
            self.request = request
            self.context = context
            self.now = now
        }

        func field(_ name: String) -> String? { form.all(name).first }
    }

    private func take(_ user: User, _ request: Request, _ context: RequestContext, at now: Timestamp) async throws -> Response {
        guard let form = try? request.form(), account.security.isSameOrigin(request),
            account.security.isFormToken(form.all("token").first, "admin", user.id.text, request)
        else { return account.refuseForm(context) }
        let ask = Ask(user, form, request, context, now)
        switch form.all("action").first {
        case "invite": return try await invite(ask)
        case "disable-user": return try await setDisabled(true, ask)
        case "enable-user": return try await setDisabled(false, ask)
        case "set-role": return try await setRole(ask)
        case "approve-client": return try await approve(ask)
        case "ask-remove-client": return try await askRemoveClient(ask)
        case "remove-client": return try await removeClient(ask)
        case "end-session": return try await endSession(ask)
        default: return try await show(View(request.path, form), ask, nil)
        }
    }

    /// False when the record could not be written; then nothing may be changed.
    func isRecorded(_ event: Event, _ ask: Ask) async -> Bool {
        var event = event
        event.actor = ask.user.name
        let place = AuditContext(
            requestID: ask.context.requestID, source: ask.context.peer, userAgent: ask.request.fields[.userAgent],
            method: ask.request.method.rawValue, route: ask.request.path)
        return await account.auditor.record([event], place)
    }

    func token(_ ask: Ask) -> (cookie: String?, token: String) {
        account.security.freshForm("admin", ask.user.id.text, ask.request)
    }
}

/// Whether a sign-in is good enough to administer (MFA-3).
extension AccountEndpoint {
    /// The value of `device` that leads on to `/admin`; no code of a device is so short.
    static let administration = "admin"

    enum AdminStanding {
        case good, stale
        /// Signing in again would not help before a factor is set up.
        case weak(String)
    }

    /// A sign-in of this half hour, with the second factor where the administrator has one or must have one.
    func adminStanding(_ session: SignedIn, at now: Timestamp) async throws(StoreError) -> AdminStanding {
        guard now - session.authenticatedAt <= AdministrationEndpoint.freshness else { return .stale }
        let held = session.methods.assurance ?? .single
        let kinds = try await factor.kinds(of: session.user)
        if kinds.isRequired, held < .multiple { return .stale }
        let least = server.settings.roleAssurance[.admin] ?? .single
        guard held < least else { return .good }
        if least == .phishingResistant ? kinds.hasPasskeys : kinds.isRequired { return .stale }
        return .weak(
            least == .phishingResistant
                ? "Administrators need a passkey. Add one at \(issuer)/account, then sign in with it."
                : "Administrators need a second factor. Set one up at \(issuer)/account, then sign in with it.")
    }

    /// Whether a browser that is signed in may go on without signing in again.
    func mayGoOn(to destination: String?, _ session: SignedIn, at now: Timestamp) async -> Bool {
        guard destination == Self.administration, session.user.role == .admin else { return true }  // others are told there
        if case .stale? = try? await adminStanding(session, at: now) { return false }
        return true
    }
}
