package import Primitives

/// An authorization a user gave a client: parent of its code and of every token issued from it.
package struct Grant: Sendable, Hashable {
    package let id: GrantID
    package let userID: UserID
    package let clientID: ClientID
    package let scopes: ScopeSet
    /// Canonical URL of the one protected resource (RFC 8707).
    package let resource: String
    package let redirectURI: String
    package let createdAt: Timestamp
    /// Absolute end of the refresh family.
    package let endsAt: Timestamp
    /// When the user proved who they are; nil where nobody was asked (CC-1).
    package let authenticatedAt: Timestamp?
    /// The key a public client's refresh tokens are bound to (DP-3, AUTH-4); set when its code is redeemed.
    package var confirmation: Confirmation?
    /// The client asked `offline_access` (TOK-8).
    package let isOffline: Bool
    /// Ties the records of one connection together, from its authorization to its calls.
    package let flow: String?
    /// How the user proved it; empty where nobody was asked, or before that was kept.
    package var methods = AuthenticationMethods([])

    package init(
        id: GrantID, userID: UserID, clientID: ClientID, scopes: ScopeSet, resource: String, redirectURI: String,
        createdAt: Timestamp, endsAt: Timestamp, authenticatedAt: Timestamp? = nil, confirmation: Confirmation? = nil,
        isOffline: Bool = false, flow: String? = nil
    ) {
        self.id = id
        self.userID = userID
        self.clientID = clientID
        self.scopes = scopes
        self.resource = resource
        self.redirectURI = redirectURI
        self.createdAt = createdAt
        self.endsAt = endsAt
        self.authenticatedAt = authenticatedAt
        self.confirmation = confirmation
        self.isOffline = isOffline
        self.flow = flow
    }
}

/// A code about to be stored with its grant.
package struct NewCode: Sendable, Hashable {
    package let digest: TokenDigest
    /// S256 challenge, 43 base64url characters.
    package let challenge: String
    /// The thumbprint of the one DPoP key that may redeem it (RFC 9449 §10).
    package let dpopKey: String?
    package let expiresAt: Timestamp
    /// The consent it stands on; without it the code is worth nothing (AZ-16). Nil where nobody was asked.
    package let consentID: ConsentID?

    package init(
        digest: TokenDigest, challenge: String, dpopKey: String? = nil, expiresAt: Timestamp, consentID: ConsentID? = nil
    ) {
        self.consentID = consentID
        self.digest = digest
        self.challenge = challenge
        self.dpopKey = dpopKey
        self.expiresAt = expiresAt
    }
}

/// An authorization code as stored.
package struct CodeRecord: Sendable, Hashable {
    package let grant: Grant
    /// S256 challenge, 43 base64url characters.
    package let challenge: String
    /// The thumbprint of the one DPoP key that may redeem it.
    package let dpopKey: String?
    package let expiresAt: Timestamp
    package let isConsumed: Bool
    /// Redemptions that failed on the verifier.
    package let failedAttempts: Int
    /// Grant and consent stand, and user and client are active (CODE-8, AZ-16).
    package let isActive: Bool

    package init(
        grant: Grant, challenge: String, dpopKey: String? = nil, expiresAt: Timestamp, isConsumed: Bool, failedAttempts: Int,
        isActive: Bool
    ) {
        self.grant = grant
        self.challenge = challenge
        self.dpopKey = dpopKey
        self.expiresAt = expiresAt
        self.isConsumed = isConsumed
        self.failedAttempts = failedAttempts
        self.isActive = isActive
    }
}

/// A grant in its user's list.
package struct GrantSummary: Sendable, Hashable {
    package let grant: Grant
    package let clientName: String
    package let clientKind: Client.Kind
    package let lastUsedAt: Timestamp?
    package let lastAddress: String?

    package init(grant: Grant, clientName: String, clientKind: Client.Kind, lastUsedAt: Timestamp?, lastAddress: String?) {
        self.grant = grant
        self.clientName = clientName
        self.clientKind = clientKind
        self.lastUsedAt = lastUsedAt
        self.lastAddress = lastAddress
    }
}

/// A token about to be stored.
package struct NewAccessToken: Sendable, Hashable {
    package let digest: TokenDigest
    package let scopes: ScopeSet
    package let issuedAt: Timestamp
    package let expiresAt: Timestamp
    package let confirmation: Confirmation?

    package init(
        digest: TokenDigest, scopes: ScopeSet, issuedAt: Timestamp, expiresAt: Timestamp, confirmation: Confirmation? = nil
    ) {
        self.digest = digest
        self.scopes = scopes
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.confirmation = confirmation
    }
}

/// Who a request came from, as far as an investigation can tell (RT-5).
package struct RequestSource: Sendable, Hashable {
    package let address: String
    /// At most 200 bytes; empty when none was sent.
    package let userAgent: String

    package init(address: String, userAgent: String) {
        self.address = address
        self.userAgent = userAgent
    }
}

/// A refresh token about to be stored.
package struct NewRefreshToken: Sendable, Hashable {
    package let digest: TokenDigest
    package let issuedAt: Timestamp
    /// Idle end; the grant's `endsAt` bounds it.
    package let expiresAt: Timestamp
    /// Whom it is given to.
    package let source: RequestSource?

    package init(digest: TokenDigest, issuedAt: Timestamp, expiresAt: Timestamp, source: RequestSource? = nil) {
        self.source = source
        self.digest = digest
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}

/// A refresh token as stored, with the facts of its family.
package struct RefreshRecord: Sendable, Hashable {
    package let grant: Grant
    package let generation: Int
    package let expiresAt: Timestamp
    package let supersededAt: Timestamp?
    /// The successor, sealed under a key only the presented token yields (RT-4); nil once wiped.
    package let sealedSuccessor: [UInt8]?
    /// The successor was itself presented.
    package let isSuccessorUsed: Bool
    /// The grant stands, and user and client are active (RT-1).
    package let isActive: Bool

    package init(
        grant: Grant, generation: Int, expiresAt: Timestamp, supersededAt: Timestamp?, sealedSuccessor: [UInt8]?,
        isSuccessorUsed: Bool, isActive: Bool
    ) {
        self.grant = grant
        self.generation = generation
        self.expiresAt = expiresAt
        self.supersededAt = supersededAt
        self.sealedSuccessor = sealedSuccessor
        self.isSuccessorUsed = isSuccessorUsed
        self.isActive = isActive
    }
}

/// What a refresh came to, decided inside the family's transaction (RT-2).
package enum RefreshOutcome: Sendable, Hashable {
    /// The successor given is now the family's token.
    case rotated(generation: Int)
    /// Another request rotated first, within the grace: its successor is the answer (RT-4). The access token given is stored.
    case grace(sealedSuccessor: [UInt8], generation: Int)
    /// The token had been replaced before: the family is revoked (RT-5). Who got the successor is the other side.
    case reused(successorTo: RequestSource?)
    /// Unknown, expired or revoked meanwhile.
    case invalid
}

/// Persists grants, codes and refresh families. Every method is one transaction (TOK-6).
package protocol GrantStore: Sendable {
    func insert(_ grant: Grant, code: NewCode) async throws(StoreError)

    /// Stores a grant that had no code, with its first tokens.
    func insert(_ grant: Grant, access: NewAccessToken, refresh: NewRefreshToken?) async throws(StoreError)

    /// Nil when unknown.
    func code(_ digest: TokenDigest) async throws(StoreError) -> CodeRecord?

    /// Counts a failed verifier (CODE-5).
    func recordFailedAttempt(on code: TokenDigest) async throws(StoreError)

    /// Consumes the code by compare-and-set and stores the tokens (CODE-9). The access token's key becomes the grant's when
    /// `binding` says so.
    /// - Returns: false when it was consumed already; then nothing was stored.
    func redeem(
        _ code: TokenDigest, access: NewAccessToken, refresh: NewRefreshToken?, binding: Bool, at now: Timestamp
    ) async throws(StoreError) -> Bool

    /// Nil when unknown.
    func refreshToken(_ digest: TokenDigest) async throws(StoreError) -> RefreshRecord?

    /// Reads the presented token again, decides by `RefreshDecision.decide`, and carries the decision out: rotation stores
    /// successor, sealed successor and access token and wipes the sealed copy its own predecessor kept; grace stores the
    /// access token; reuse revokes the grant and bumps the epoch.
    func refresh(
        _ presented: TokenDigest, successor: NewRefreshToken, sealedSuccessor: [UInt8], access: NewAccessToken, grace: Duration,
        at now: Timestamp
    ) async throws(StoreError) -> RefreshOutcome

    /// Revokes the grant and all its tokens; false when it was revoked before. Bumps the epoch.
    func revoke(_ grant: GrantID, at now: Timestamp) async throws(StoreError) -> Bool

    /// What stands of a user's grants, newest first (CON-4).
    func grants(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantSummary]

    /// Notes that a grant was used from an address. Returns whether that was the first time, and the grant's flow.
    func markUsed(_ grant: GrantID, from address: String, at now: Timestamp) async throws(StoreError)
        -> (isFirst: Bool, flow: String?)

    /// Wipes sealed successors past the grace, and deletes codes, tokens and grants that ended long ago.
    func prune(at now: Timestamp, grace: Duration) async throws(StoreError)
}
