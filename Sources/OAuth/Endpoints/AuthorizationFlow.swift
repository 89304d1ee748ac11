internal import Crypto
package import HTTP
internal import Primitives

/// `/authorize`, `/login` and `/consent`: one authorization from the client's request to the code (oauth.md §6, §16).
/// Every step needs the transaction and the cookie of the browser that opened it (AZ-14).
package struct AuthorizationFlow: Sendable {
    let server: AuthorizationServer
    let parser: AuthorizationParser
    let transactions: any TransactionStore
    let sessions: BrowserSessions
    let login: PasswordLogin
    let factor: SecondFactor
    let traces: (any FlowTracing)?
    let federation: FederatedLogin?

    var providers: [(name: String, title: String)] { (federation?.providers ?? []).map { ($0.name, $0.title) } }
    let security: BrowserSecurity
    let pages: any FlowPages

    var settings: OAuthSettings { server.settings }
    var hasher: TokenHasher { server.hasher }
    var clients: any ClientStore { server.clients }
    var grants: any GrantStore { server.grants }
    var clock: @Sendable () -> Timestamp { server.clock }

    static let transactionsPerBrowser = 5
    static let transactionsTotal = 10_000

    package init(
        _ server: AuthorizationServer, transactions: any TransactionStore, sessions: BrowserSessions,
        checker: any PasswordChecker, factor: SecondFactor, throttle: any LoginThrottle, security: BrowserSecurity,
        pages: any FlowPages, traces: (any FlowTracing)? = nil,
        federation: FederatedLogin? = nil
    ) {
        self.server = server
        parser = AuthorizationParser(
            settings: server.settings, clients: server.resolver, pushed: server.pushedRequests, hasher: server.hasher)
        self.transactions = transactions
        self.sessions = sessions
        login = PasswordLogin(users: server.users, checker: checker, throttle: throttle, security: security)
        self.factor = factor
        self.traces = traces
        self.federation = federation
        self.security = security
        self.pages = pages
    }

    /// Largest form any of the three takes, in bytes (COM-4).
    package static let bodyLimit = 64 * 1024

    func refuse(
        _ title: String, _ text: String, rule: String, in context: RequestContext, status: Status = .badRequest,
        events: [Event] = []
    ) -> Response {
        var response = pages.refusal(RefusalPage(title: title, text: text, requestID: context.requestID, status: status))
        response.events = events + [Event("authz.request.rejected", .denied, severity: .warning, reason: rule)]
        return response
    }

    func unavailable(in context: RequestContext) -> Response {
        pages.refusal(
            RefusalPage(
                title: "Please try again", text: "The server is busy. Wait a few seconds and reload this page.",
                requestID: context.requestID, status: .serviceUnavailable)
        ).with(.retryAfter, "5")
    }

    /// The client's redirect URI with the answer's parameters, `iss` among them (RFC 9207, AZ-16).
    func answerURL(_ redirectURI: String, _ parameters: [(String, String)], state: String?) -> String {
        var all = parameters
        if let state { all.append(("state", state)) }
        all.append(("iss", settings.issuer))
        let query = all.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return redirectURI + (redirectURI.contains("?") ? "&" : "?") + query
    }

    /// AZ-13: an error reaches an unknown client only by the person's own click, after reading where it goes.
    /// - Parameter afterForm: the answer to a form POST must be a page: Chromium applies our `form-action` to redirects (AZ-17).
    func answerError(_ error: OAuthError, redirectURI: String, state: String?, client: Client, afterForm: Bool) -> Response {
        let url = answerURL(redirectURI, [("error", error.code.rawValue), ("error_description", error.description)], state: state)
        let event = Event("authz.request.rejected", .denied, reason: error.rule, client: client.id)
        let isTrusted = client.kind == .preregistered
        if isTrusted, !afterForm { return Self.redirect(to: url).recording(event) }
        return pages.errorHandOff(to: url, host: RedirectURI.displayHost(redirectURI), isAutomatic: isTrusted).recording(event)
    }

    /// 303, never 307: a POST must not be repeated at the client (AZ-17).
    package static func redirect(to url: String) -> Response {
        Response(
            .seeOther,
            fields: [(.location, url), (FieldName("referrer-policy"), "no-referrer")]
        ).uncached
    }
}
