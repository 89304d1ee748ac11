package import Primitives

/// Everything the resource server must know of a token, read in one query.
package struct TokenFacts: Sendable, Hashable {
    package let user: User
    package let scopes: ScopeSet
    package let credential: Principal.Credential
    /// Nil for personal tokens.
    package let clientID: ClientID?
    package let grantID: GrantID?
    /// Nil means every resource.
    package let resource: String?
    package let issuedAt: Timestamp
    /// Nil means no end.
    package let expiresAt: Timestamp?
    package let confirmation: Confirmation?
    /// When the user proved who they are, where somebody was asked.
    package let authenticatedAt: Timestamp?
    /// How, where that is known.
    package var methods = AuthenticationMethods([])
    /// Not revoked, its grant stands, user and client are active. Expiry is the reader's to compare.
    package let isActive: Bool

    package init(
        user: User, scopes: ScopeSet, credential: Principal.Credential, clientID: ClientID?, grantID: GrantID?, resource: String?,
        issuedAt: Timestamp, expiresAt: Timestamp?, confirmation: Confirmation? = nil, authenticatedAt: Timestamp? = nil,
        isActive: Bool
    ) {
        self.user = user
        self.scopes = scopes
        self.credential = credential
        self.clientID = clientID
        self.grantID = grantID
        self.resource = resource
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.confirmation = confirmation
        self.authenticatedAt = authenticatedAt
        self.isActive = isActive
    }
}

/// A token in a list, for the commands. Its value is not known to anyone.
package struct TokenSummary: Sendable, Hashable {
    /// Stable and safe to print: 16 hexadecimal digits of the digest's hash.
    package let id: String
    package let username: String
    package let credential: Principal.Credential
    /// Personal tokens have one.
    package let name: String?
    package let clientID: ClientID?
    package let scopes: ScopeSet
    package let issuedAt: Timestamp
    package let expiresAt: Timestamp?
    package let isActive: Bool

    package init(
        id: String, username: String, credential: Principal.Credential, name: String?, clientID: ClientID?, scopes: ScopeSet,
        issuedAt: Timestamp, expiresAt: Timestamp?, isActive: Bool
    ) {
        self.id = id
        self.username = username
        self.credential = credential
        self.name = name
        self.clientID = clientID
        self.scopes = scopes
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.isActive = isActive
    }
}

/// Reads and revokes access tokens and personal tokens.
package protocol TokenStore: Sendable {
    /// Nil when unknown.
    func facts(of digest: TokenDigest) async throws(StoreError) -> TokenFacts?
    /// Stores a personal token.
    func insertPersonalToken(
        _ digest: TokenDigest, name: String, user: UserID, scopes: ScopeSet, issuedAt: Timestamp, expiresAt: Timestamp?)
        async throws(StoreError)
    /// Unexpired tokens, newest first; of one user when given.
    func tokens(of user: UserID?, at now: Timestamp) async throws(StoreError) -> [TokenSummary]
    /// Revokes one access or personal token; false when unknown or revoked before. Bumps the epoch.
    func revoke(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> Bool
    /// The same by the id of its summary.
    func revoke(id: String, at now: Timestamp) async throws(StoreError) -> Bool
    /// Deletes what ended before `before`.
    func prune(before: Timestamp) async throws(StoreError)
}
