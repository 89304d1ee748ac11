package import Primitives

/// Somebody wants to use a client no administrator has approved (CON-4).
package struct ClientRequest: Sendable, Hashable {
    package let client: Client
    package let username: String
    package let redirectHost: String
    package let scopes: ScopeSet
    package let askedAt: Timestamp

    package init(client: Client, username: String, redirectHost: String, scopes: ScopeSet, askedAt: Timestamp) {
        self.client = client
        self.username = username
        self.redirectHost = redirectHost
        self.scopes = scopes
        self.askedAt = askedAt
    }
}

/// Persists who waits for an administrator's approval, and for which client.
package protocol ApprovalStore: Sendable {
    /// Notes a request, replacing the user's earlier one for that client; of each user the newest `perUser` stay.
    /// - Returns: whether it is new.
    func ask(
        for client: ClientID, user: UserID, redirectHost: String, scopes: ScopeSet, perUser: Int, at now: Timestamp
    ) async throws(StoreError) -> Bool
    /// Those of clients not approved yet, the newest first, at most 500.
    func pending() async throws(StoreError) -> [ClientRequest]
    /// Approves a client, or takes it back, without touching anything else; false when there is none.
    func setApproved(_ isApproved: Bool, client: ClientID, at now: Timestamp) async throws(StoreError) -> Bool
}
