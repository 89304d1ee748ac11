package import Primitives

/// An OAuth client as registered.
package struct Client: Sendable, Hashable {
    /// How it came to be known.
    package enum Kind: String, Sendable {
        case preregistered, dynamic
        /// Described by the document its id points to (CIMD).
        case metadata
    }

    /// How it proves itself at the token endpoint (AUTH-1); enforced exactly (CLI-4).
    package enum AuthenticationMethod: String, Sendable, CaseIterable {
        case none
        case post = "client_secret_post"
        case basic = "client_secret_basic"
    }

    package let id: ClientID
    package let kind: Kind
    package var name: String
    /// As registered; compared as strings (CLI-3).
    package var redirectURIs: [String]
    package var authenticationMethod: AuthenticationMethod
    /// Present exactly when the method is not `none`.
    package var secretDigest: TokenDigest?
    /// `authorization_code`, `refresh_token`.
    package var grantTypes: [String]
    /// An administrator's limit for a pre-registered client; nil means none.
    package var scopeLimit: ScopeSet?
    package let createdAt: Timestamp
    /// When a user last authorized it.
    package var lastUsedAt: Timestamp?
    /// Dynamic clients end here unless used again.
    package var expiresAt: Timestamp?
    /// Metadata clients: until when the fetched document counts as fresh (CIMD-4).
    package var metadataFreshUntil: Timestamp?

    package init(
        id: ClientID, kind: Kind, name: String, redirectURIs: [String], authenticationMethod: AuthenticationMethod,
        secretDigest: TokenDigest?, grantTypes: [String], scopeLimit: ScopeSet? = nil, createdAt: Timestamp,
        lastUsedAt: Timestamp? = nil, expiresAt: Timestamp? = nil, metadataFreshUntil: Timestamp? = nil
    ) {
        self.id = id
        self.kind = kind
        self.name = name
        self.redirectURIs = redirectURIs
        self.authenticationMethod = authenticationMethod
        self.secretDigest = secretDigest
        self.grantTypes = grantTypes
        self.scopeLimit = scopeLimit
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.expiresAt = expiresAt
        self.metadataFreshUntil = metadataFreshUntil
    }
}
