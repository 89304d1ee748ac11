package import Primitives

/// An OpenID provider people may sign in with (oauth.md §15), as an administrator configured it.
package struct IdentityProvider: Sendable, Hashable {
    /// Part of its own redirect path, `/callback/<name>` (OP-2: mix-up defence).
    package let name: String
    /// On the button.
    package let title: String
    /// As in the provider's `iss`.
    package let issuer: String
    package let clientID: String
    package let clientSecret: String?
    /// The claim that names our user on the first sign-in; afterwards issuer and subject do (OP-5).
    package let userClaim: String
    /// The first sign-in may link to somebody who has a password here: the provider's names are then as good as passwords.
    package let linksExisting: Bool
    /// Makes an account for people who have none, with this role; nil refuses them.
    package let newUserRole: Role?
    /// Its identity assertions are redeemed for access tokens (JAG-1).
    package let acceptsAssertions: Bool
    /// Claims that must be there: of a tenant (`tid`, `hd`), of an assurance (`acr`), of a group (OP-4, OP-5, AZ-15).
    package var demands = Demands()

    package struct Demands: Sendable, Hashable {
        /// The claim that names the tenant, and the one whose people may come in; for providers of many tenants.
        package var tenantClaim = "tid"
        package var tenant: String?
        /// Any of these must be the `acr`; empty asks nothing.
        package var assurances: [String] = []
        /// The claim that lists groups, and those of which people must be in one; empty asks nothing.
        package var groupClaim = "groups"
        package var groups: [String] = []

        package init() {}

        /// The claim that is missing, of another shape or with another value; nil when all is as it must be.
        package func fault(in claims: JSONObject) -> String? {
            if let tenant, claims[tenantClaim]?.string != tenant { return "tenant" }
            if !assurances.isEmpty, !(claims["acr"]?.string.map(assurances.contains) ?? false) { return "acr" }
            guard !groups.isEmpty else { return nil }
            // Missing or of the wrong shape is no membership: one odd member spoils the list.
            guard let listed = claims[groupClaim]?.array, listed.allSatisfy({ $0.string != nil }) else { return "groups" }
            return listed.contains { $0.string.map(groups.contains) ?? false } ? nil : "groups"
        }
    }

    package init(
        name: String, title: String, issuer: String, clientID: String, clientSecret: String?, userClaim: String,
        linksExisting: Bool, newUserRole: Role?, acceptsAssertions: Bool
    ) {
        self.name = name
        self.title = title
        self.issuer = issuer
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.userClaim = userClaim
        self.linksExisting = linksExisting
        self.newUserRole = newUserRole
        self.acceptsAssertions = acceptsAssertions
    }
}

/// What a provider's discovery document says of it.
package struct ProviderMetadata: Sendable, Hashable {
    package let authorizationEndpoint: String
    package let tokenEndpoint: String
    package let keySetURL: String
    /// It sends `iss` with every answer, so that one without is refused (RFC 9207).
    package let sendsIssuer: Bool

    package init(authorizationEndpoint: String, tokenEndpoint: String, keySetURL: String, sendsIssuer: Bool) {
        self.authorizationEndpoint = authorizationEndpoint
        self.tokenEndpoint = tokenEndpoint
        self.keySetURL = keySetURL
        self.sendsIssuer = sendsIssuer
    }
}

/// Talks to configured providers. `App` joins it to libcurl.
package protocol ProviderDirectory: Sendable {
    /// Discovery, its issuer compared with the configured one; kept for an hour. - Throws: `MetadataFetchError`.
    func metadata(of provider: IdentityProvider) async throws(MetadataFetchError) -> ProviderMetadata
    /// The provider's keys, as `KeySetSource` keeps them.
    func keySet(of provider: IdentityProvider, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue
    /// The token endpoint's JSON answer to a form.
    func redeem(_ form: [(String, String)], at provider: IdentityProvider) async throws(MetadataFetchError) -> JSONValue
}

/// Persists who of a provider is who here.
package protocol IdentityStore: Sendable {
    /// Nil when that identity was never linked.
    func user(issuer: String, subject: String) async throws(StoreError) -> UserID?
    /// Whether any identity of any provider is this user.
    func hasIdentity(_ user: UserID) async throws(StoreError) -> Bool
    /// Disabled providers (OP-7): ends the sessions and grants of those who can sign in by them alone, having neither a password
    /// nor a passkey here nor an identity of an issuer in `issuers`. Returns their names. Bumps the epoch.
    func endUsers(withoutAny issuers: [String], at now: Timestamp) async throws(StoreError) -> [String]
    /// Links an identity; the first link of an identity stays.
    func link(issuer: String, subject: String, to user: UserID, at now: Timestamp) async throws(StoreError)
}
