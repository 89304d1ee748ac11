package import Primitives

/// One authorization on its way through login and consent (AZ-14).
package struct LoginTransaction: Sendable, Hashable {
    package let id: String
    /// Digest of the cookie of the browser that opened it; every step requires both.
    package let browser: TokenDigest
    /// The validated request.
    package let request: AuthorizationRequest
    /// When the browser proved who it is, within this transaction or by an earlier session.
    package var userID: UserID?
    package var authenticatedAt: Timestamp?
    package var methods = AuthenticationMethods([])
    package let createdAt: Timestamp
    package let expiresAt: Timestamp

    package init(
        id: String, browser: TokenDigest, request: AuthorizationRequest, userID: UserID?, authenticatedAt: Timestamp?,
        createdAt: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.browser = browser
        self.request = request
        self.userID = userID
        self.authenticatedAt = authenticatedAt
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Persists login transactions, 10 minutes each, single use.
package protocol TransactionStore: Sendable {
    /// Inserts, deleting the oldest beyond `perBrowser` of the same browser and beyond `total` of all, and expired ones.
    func insert(_ transaction: LoginTransaction, perBrowser: Int, total: Int) async throws(StoreError)
    /// Nil when unknown, used or expired.
    func transaction(_ id: String, at now: Timestamp) async throws(StoreError) -> LoginTransaction?
    func setUser(_ userID: UserID, by methods: AuthenticationMethods, authenticatedAt: Timestamp, of id: String)
        async throws(StoreError)
    /// Ends it; true for exactly one of two concurrent calls.
    func consume(_ id: String) async throws(StoreError) -> Bool
}
