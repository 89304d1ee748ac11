internal import Crypto
package import HTTP
package import Primitives

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

    /// The user of the request's session cookie, and when they proved it; nil without a live session.
    package func current(_ request: Request, at now: Timestamp) async throws(StoreError) -> (
        user: User, authenticatedAt: Timestamp
    )? {
        guard let digest = security.cookieDigest(BrowserSecurity.sessionCookie, request),
            let session = try await store.session(digest, at: now), let user = try await users.user(session.userID),
            !user.isDisabled
        else { return nil }
        if session.idleUntil - now < OAuthSettings.sessionIdle - .seconds(300) {  // one write per five minutes of use
            try await store.extend(digest, idleUntil: min(now + OAuthSettings.sessionIdle, session.endsAt))
        }
        return (user, session.authenticatedAt)
    }

    /// Opens a session and ends the one the browser had. Returns the `Set-Cookie` value.
    package func open(_ user: User, _ request: Request, from address: IPAddress, at now: Timestamp) async throws(StoreError)
        -> String
    {
        if let old = security.cookieDigest(BrowserSecurity.sessionCookie, request) { try await store.remove(old) }
        let value = BrowserSecurity.freshCookie()
        let session = BrowserSession(
            userID: user.id, authenticatedAt: now, idleUntil: now + OAuthSettings.sessionIdle,
            endsAt: now + OAuthSettings.sessionAbsolute,
            address: address.description, userAgent: String((request.fields[.userAgent] ?? "").prefix(200)))
        try await store.insert(session, under: security.hasher.digest(of: value))
        return Cookies.set(BrowserSecurity.sessionCookie, value, maxAge: OAuthSettings.sessionAbsolute)
    }

    /// Ends the request's session. Returns the `Set-Cookie` value that deletes the cookie.
    package func close(_ request: Request) async throws(StoreError) -> String {
        if let digest = security.cookieDigest(BrowserSecurity.sessionCookie, request) { try await store.remove(digest) }
        return Cookies.set(BrowserSecurity.sessionCookie, "", maxAge: .zero)
    }
}
