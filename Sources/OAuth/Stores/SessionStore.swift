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

/// Persists browser sessions by the digest of their cookie.
package protocol SessionStore: Sendable {
    func insert(_ session: BrowserSession, under digest: TokenDigest) async throws(StoreError)
    /// Nil when unknown, ended, or its user is disabled.
    func session(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> BrowserSession?
    func extend(_ digest: TokenDigest, idleUntil: Timestamp) async throws(StoreError)
    func remove(_ digest: TokenDigest) async throws(StoreError)
    /// Deletes what has ended.
    func prune(at now: Timestamp) async throws(StoreError)
}
