/// Who is calling, after authentication: the one currency of every policy decision, whatever credential proved it.
package final class Principal: Sendable {
    /// What proved the caller.
    package enum Credential: String, Sendable {
        case accessToken = "access_token"
        case personalToken = "personal_token"
        /// A JWT of a configured issuer.
        case foreignToken = "foreign_token"
        case certificate
    }

    package let userID: UserID
    package let username: String
    package let role: Role
    /// As granted to the token; effective rights are these, bounded by the role.
    package let scopes: ScopeSet
    /// The protected resource the credential is for (RFC 8707); nil means every resource (personal tokens).
    package let resource: String?
    package let credential: Credential
    package let clientID: ClientID?
    package let grantID: GrantID?
    /// First 8 hexadecimal digits of the credential's hash: all that logs may say of it (FMT-2).
    package let tokenReference: String
    /// The credential's digest, to ask the store again while a stream stays open. Empty where there is no store.
    package let credentialDigest: [UInt8]
    /// The key the credential is bound to; each request must prove it (RS-6).
    package let confirmation: Confirmation?
    /// What the sign-in behind the credential proved, and when; nil where nobody signed in (personal tokens, certificates).
    package let assurance: Assurance?
    package let authenticatedAt: Timestamp?
    /// When the credential ends; streams close then at the latest.
    package let expiresAt: Timestamp?

    package init(
        userID: UserID, username: String, role: Role, scopes: ScopeSet, resource: String?, credential: Credential,
        clientID: ClientID?, grantID: GrantID?, tokenReference: String, credentialDigest: [UInt8] = [],
        confirmation: Confirmation? = nil, assurance: Assurance? = nil, authenticatedAt: Timestamp? = nil,
        expiresAt: Timestamp?
    ) {
        self.userID = userID
        self.username = username
        self.role = role
        self.scopes = scopes
        self.resource = resource
        self.credential = credential
        self.clientID = clientID
        self.grantID = grantID
        self.tokenReference = tokenReference
        self.credentialDigest = credentialDigest
        self.confirmation = confirmation
        self.assurance = assurance
        self.authenticatedAt = authenticatedAt
        self.expiresAt = expiresAt
    }

    /// The class the caller effectively has on an engine: token scopes bounded by the role. Nil means none.
    package func permission(for engine: String) -> Permission? {
        guard let held = scopes.permission(for: engine) else { return nil }
        return min(held, role.permission)
    }
}
