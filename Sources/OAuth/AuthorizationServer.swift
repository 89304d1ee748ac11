package import Primitives

/// The parts that the endpoints of the authorization server share.
package struct AuthorizationServer: Sendable {
    package let settings: OAuthSettings
    package let hasher: TokenHasher
    package let resolver: ClientResolver
    package let clients: any ClientStore
    package let users: any UserStore
    package let grants: any GrantStore
    package let tokens: any TokenStore
    package let singleUses: any SingleUseStore
    package let pushedRequests: any PushedRequestStore
    package let devices: any DeviceStore
    package let consents: any ConsentStore
    package let approvals: any ApprovalStore
    /// Signs JWT access tokens and publishes the keys.
    package let keyring: Keyring
    /// Fetches the keys of clients and of trusted issuers.
    package let keySets: any KeySetSource
    /// Slows down guessing of client secrets (CLI-5).
    package let secretThrottle: any LoginThrottle
    package let clock: @Sendable () -> Timestamp

    package init(
        settings: OAuthSettings, hasher: TokenHasher, resolver: ClientResolver, clients: any ClientStore, users: any UserStore,
        grants: any GrantStore, tokens: any TokenStore, singleUses: any SingleUseStore, pushedRequests: any PushedRequestStore,
        devices: any DeviceStore, consents: any ConsentStore, approvals: any ApprovalStore, keyring: Keyring,
        keySets: any KeySetSource,
        secretThrottle: any LoginThrottle, clock: @escaping @Sendable () -> Timestamp
    ) {
        self.settings = settings
        self.hasher = hasher
        self.resolver = resolver
        self.clients = clients
        self.users = users
        self.grants = grants
        self.tokens = tokens
        self.singleUses = singleUses
        self.pushedRequests = pushedRequests
        self.devices = devices
        self.consents = consents
        self.approvals = approvals
        self.keyring = keyring
        self.keySets = keySets
        self.secretThrottle = secretThrottle
        self.clock = clock
    }

    var issuer: TokenIssuer { TokenIssuer(settings: settings, hasher: hasher, keyring: keyring) }
    var proofs: ProofVerifier { ProofVerifier(issuer: settings.issuer, hasher: hasher, singleUses: singleUses) }
    var authentication: ClientAuthentication {
        ClientAuthentication(
            clients: resolver, hasher: hasher, throttle: secretThrottle,
            assertions: AssertionVerifier(
                audiences: [settings.issuer, settings.issuer + "/token"], hasher: hasher, singleUses: singleUses, keySets: keySets))
    }
}
