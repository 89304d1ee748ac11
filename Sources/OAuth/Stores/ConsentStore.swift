package import Primitives

/// What a user allowed a client (CON-1).
package struct Consent: Sendable, Hashable {
    /// Codes are bound to it (AZ-16); a renewed consent keeps it.
    package let id: ConsentID
    package let userID: UserID
    package let clientID: ClientID
    package let redirectHost: String
    package let resource: String
    package let scopes: ScopeSet
    /// Of the client's metadata when it was given; another one asks again (CIMD-6).
    package let metadataHash: String
    package let givenAt: Timestamp
    package let expiresAt: Timestamp

    package init(
        id: ConsentID, userID: UserID, clientID: ClientID, redirectHost: String, resource: String, scopes: ScopeSet,
        metadataHash: String,
        givenAt: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.clientID = clientID
        self.redirectHost = redirectHost
        self.resource = resource
        self.scopes = scopes
        self.metadataHash = metadataHash
        self.givenAt = givenAt
        self.expiresAt = expiresAt
    }
}

/// Persists consents, one for each user, client, redirect host and resource.
package protocol ConsentStore: Sendable {
    /// Inserts, or renews the one before, which keeps its id: what it was given for before still stands on it.
    /// - Returns: the id by which it stands.
    func keep(_ consent: Consent) async throws(StoreError) -> ConsentID
    /// Nil when none was given or it has ended.
    func consent(of user: UserID, client: ClientID, redirectHost: String, resource: String, at now: Timestamp)
        async throws(StoreError) -> Consent?
    /// Every consent of the user for the client is forgotten.
    func forget(user: UserID, client: ClientID) async throws(StoreError)
}
