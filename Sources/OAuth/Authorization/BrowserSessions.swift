internal import Crypto
package import HTTP
package import Primitives

/// The person behind a live session.
package struct SignedIn: Sendable {
    package let user: User
    package let authenticatedAt: Timestamp
    package let methods: AuthenticationMethods

    /// Whether it proves what role, scopes and client ask (MFA-3). Of a session from before that was kept, one factor is known.
    func isEnough(for ask: AuthorizationRequest, _ settings: OAuthSettings) -> Bool {
        (methods.assurance ?? .single) >= settings.assurance(for: user, ask)
    }
}

/// Signed-in browsers: idle 12 h, absolute 7 d, a new id at every authentication (WEB-3, WEB-5).
package struct BrowserSessions: Sendable {
    let store: any SessionStore
    let users: any UserStore
    let security: BrowserSecurity

    package init(store: any SessionStore, users: any UserStore, security: BrowserSecurity) {
        self.store = store
        self.users = users
        self.security = security
    }

    /// The user of the request's session cookie, when they proved it and how; nil without a live session.
    package func current(_ request: Request, at now: Timestamp) async throws(StoreError) -> SignedIn? {
        guard let digest = security.cookieDigest(BrowserSecurity.sessionCookie, request),
            let session = try await store.session(digest, at: now), let user = try await users.user(session.userID),
            !user.isDisabled
        else { return nil }
        if session.idleUntil - now < OAuthSettings.sessionIdle - .seconds(300) {  // one write per five minutes of use
            try await store.extend(digest, idleUntil: min(now + OAuthSettings.sessionIdle, session.endsAt))
        }
        return SignedIn(user: user, authenticatedAt: session.authenticatedAt, methods: session.methods)
    }

    /// Opens a session and ends the one the browser had. Returns the `Set-Cookie` value.
    package func open(
        _ user: User, by methods: AuthenticationMethods, _ request: Request, from address: IPAddress, at now: Timestamp
    ) async throws(StoreError) -> String {
        if let old = security.cookieDigest(BrowserSecurity.sessionCookie, request) { try await store.remove(old) }
        let value = BrowserSecurity.freshCookie()
        var session = BrowserSession(
            userID: user.id, authenticatedAt: now, idleUntil: now + OAuthSettings.sessionIdle,
            endsAt: now + OAuthSettings.sessionAbsolute,
            address: address.description, userAgent: String((request.fields[.userAgent] ?? "").prefix(200)))
        session.methods = methods
        try await store.insert(session, under: security.hasher.digest(of: value))
        return Cookies.set(BrowserSecurity.sessionCookie, value, maxAge: OAuthSettings.sessionAbsolute)
    }

    /// Ends the request's session. Returns the `Set-Cookie` value that deletes the cookie.
    package func close(_ request: Request) async throws(StoreError) -> String {
        if let digest = security.cookieDigest(BrowserSecurity.sessionCookie, request) { try await store.remove(digest) }
        return Cookies.set(BrowserSecurity.sessionCookie, "", maxAge: .zero)
    }
}
