internal import Crypto
package import HTTP
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
        /// A JWT signed with a key the client published (RFC 7523; AUTH-3).
        case privateKey = "private_key_jwt"
        /// A certificate of a configured authority in the TLS handshake (RFC 8705 §2.1; AUTH-4).
        case certificate = "tls_client_auth"
    }

    /// What a client of `private_key_jwt` or `tls_client_auth` proves itself with.
    package enum Keys: Sendable, Hashable {
        /// The JWK set itself.
        case set(JSONValue)
        /// An https URL it is fetched from.
        case uri(String)
        /// The common name of its certificate.
        case subject(String)
        /// Another name of its certificate (RFC 8705 §2.1.2).
        case alternativeName(ClientCertificate.AlternativeName)
    }

    package let id: ClientID
    package let kind: Kind
    package var name: String
    /// As registered; compared as strings (CLI-3).
    package var redirectURIs: [String]
    package var authenticationMethod: AuthenticationMethod
    /// Present exactly when the method uses a secret.
    package var secretDigest: TokenDigest?
    /// Present exactly when the method is `private_key_jwt` or `tls_client_auth`.
    package var keys: Keys?
    /// Grant types as on the wire, such as `authorization_code`.
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
    /// Proves who may manage a dynamic client (RFC 7592).
    package var registrationDigest: TokenDigest?
    /// The account a client acts as with `client_credentials` (CC-1).
    package var serviceUserID: UserID?
    /// May call `/introspect` (IN-1).
    package var isIntrospector = false
    /// `/authorize` takes only pushed requests from it (RFC 9126 §6).
    package var requiresPushedRequests = false
    /// The administrator supplied its document, which is not fetched again (CIMD-5).
    package var isPinned = false
    /// When an administrator approved it for everybody (CON-2, CON-4).
    package var approvedAt: Timestamp?

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

    /// The members a change of which asks for consent again (CIMD-6): name, addresses, method, keys.
    package var metadataHash: String {
        let keyText =
            switch keys {
            case nil: ""
            case .set(let value): value.text
            case .uri(let uri): uri
            case .subject(let name): "CN=" + name
            case .alternativeName(let name): name.kind.rawValue + "=" + name.value
            }
        let members = JSONValue.strings([name, authenticationMethod.rawValue, keyText] + redirectURIs.sorted())
        return Base64.encode(SHA256.digest(members.serialized).prefix(16))
    }

    /// It proves itself at the token endpoint.
    package var isConfidential: Bool { authenticationMethod != .none }
}
