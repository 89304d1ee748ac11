package import Primitives

/// A signed-in browser.
package struct BrowserSession: Sendable, Hashable {
    package let userID: UserID
    package let authenticatedAt: Timestamp
    /// Idle end, moved by use, never beyond `endsAt`.
    package let idleUntil: Timestamp
    /// Absolute end.
    package let endsAt: Timestamp
    /// Where it signed in from, for the user's list.
    package let address: String
    package let userAgent: String
    /// How it was proven; empty of sessions older than the question.
    package var methods = AuthenticationMethods([])

    package init(
        userID: UserID, authenticatedAt: Timestamp, idleUntil: Timestamp, endsAt: Timestamp, address: String, userAgent: String
    ) {
        self.userID = userID
        self.authenticatedAt = authenticatedAt
        self.idleUntil = idleUntil
        self.endsAt = endsAt
        self.address = address
        self.userAgent = userAgent
    }
}

/// A session in a list.
package struct SessionSummary: Sendable, Hashable {
    /// Stable and safe to print: a digest of the cookie's digest.
    package let id: String
    package let username: String
    package let session: BrowserSession

    package init(id: String, username: String, session: BrowserSession) {
        self.id = id
        self.username = username
        self.session = session
    }
}

/// Persists browser sessions by the digest of their cookie.
package protocol SessionStore: Sendable {
    func insert(_ session: BrowserSession, under digest: TokenDigest) async throws(StoreError)
    /// Nil when unknown, ended, or its user is disabled.
    func session(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> BrowserSession?
    func extend(_ digest: TokenDigest, idleUntil: Timestamp) async throws(StoreError)
    func remove(_ digest: TokenDigest) async throws(StoreError)
    /// Live sessions, of one user when given, the newest sign-in first.
    func sessions(of user: UserID?, at now: Timestamp) async throws(StoreError) -> [SessionSummary]
    /// Ends a session by the id of its summary; false when there is none, or it is not that user's.
    func remove(id: String, of user: UserID?, at now: Timestamp) async throws(StoreError) -> Bool
    /// Deletes what has ended.
    func prune(at now: Timestamp) async throws(StoreError)
}
