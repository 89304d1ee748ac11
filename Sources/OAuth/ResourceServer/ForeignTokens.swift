internal import Crypto
internal import HTTP
package import Primitives

/// An issuer whose JWTs are accepted beside our own.
package struct TrustedIssuer: Sendable, Hashable {
    /// As in the token's `iss`.
    package let issuer: String
    /// Where its keys are.
    package let keySetURL: String
    /// The claim that names our user; `sub`, `email` and `preferred_username` are usual.
    package let userClaim: String
    /// What a token without a `scope` claim may do; bounded by the user's role in any case.
    package let defaultScopes: ScopeSet?

    package init(issuer: String, keySetURL: String, userClaim: String, defaultScopes: ScopeSet?) {
        self.issuer = issuer
        self.keySetURL = keySetURL
        self.userClaim = userClaim
        self.defaultScopes = defaultScopes
    }
}

/// Verifies JWTs of configured issuers (contract §4): signature, audience and times as for our own, then the user they name must
/// be one of ours.
package struct ForeignTokens: Sendable {
    private let issuers: [TrustedIssuer]
    private let keySets: any KeySetSource
    private let users: any UserStore

    /// Clock differences allowed, in seconds (COM-10).
    private static let skew = 30

    package init(issuers: [TrustedIssuer], keySets: any KeySetSource, users: any UserStore) {
        self.issuers = issuers
        self.keySets = keySets
        self.users = users
    }

    enum Outcome: Sendable {
        case caller(Principal)
        /// A fixed word for the audit log.
        case refused(String)
        case unavailable
    }

    func principal(of text: String, digest: TokenDigest, resource: ProtectedResource, at now: Timestamp) async -> Outcome {
        guard let jws = try? JSONWebSignature(compact: text), let name = jws.payload["iss"]?.string,
            let issuer = issuers.first(where: { $0.issuer == name })
        else { return .refused("issuer") }
        guard jws.type == nil || jws.type == "at+jwt" || jws.type == "jwt" else { return .refused("type") }
        if let fault = Self.fault(of: jws.payload, resource, at: now) { return .refused(fault) }
        do {
            guard try await KeySelection.isSigned(jws, by: .uri(issuer.keySetURL), from: keySets) else {
                return .refused("signature")
            }
        } catch { return .unavailable }
        guard let username = jws.payload[issuer.userClaim]?.string else { return .refused("user claim") }
        do throws(StoreError) {
            guard let user = try await users.user(named: username), !user.isDisabled else { return .refused("user") }
            return .caller(Self.principal(user, jws.payload, issuer, digest, resource))
        } catch { return .unavailable }
    }

    /// The audience must be this one resource alone: a token for several services could have leaked at any of them.
    private static func fault(of claims: JSONObject, _ resource: ProtectedResource, at now: Timestamp) -> String? {
        let audience = claims["aud"]?.string ?? (claims["aud"]?.array?.count == 1 ? claims["aud"]?.array?.first?.string : nil)
        guard audience == resource.url else { return "audience" }
        guard let expiry = claims["exp"]?.int, Int(now.seconds) < expiry + skew else { return "expired" }
        if let begin = claims["nbf"] { guard let begin = begin.int, begin <= Int(now.seconds) + skew else { return "nbf" } }
        if let issued = claims["iat"] { guard let issued = issued.int, issued <= Int(now.seconds) + skew else { return "iat" } }
        return nil
    }

    private static func principal(
        _ user: User, _ claims: JSONObject, _ issuer: TrustedIssuer, _ digest: TokenDigest, _ resource: ProtectedResource
    ) -> Principal {
        let scopes = claims["scope"]?.string.map { ScopeSet(text: $0) } ?? issuer.defaultScopes ?? ScopeSet([])
        var confirmation: Confirmation?
        if let key = claims["cnf"]?["jkt"]?.string { confirmation = .key(thumbprint: key) }
        if let certificate = claims["cnf"]?["x5t#S256"]?.string { confirmation = .certificate(digest: certificate) }
        return Principal(
            userID: user.id, username: user.name, role: user.role, scopes: scopes, resource: resource.url,
            credential: .foreignToken, clientID: (claims["client_id"] ?? claims["azp"])?.string.map { ClientID($0) }, grantID: nil,
            tokenReference: digest.reference, credentialDigest: digest.bytes, confirmation: confirmation,
            expiresAt: claims["exp"]?.int.map { Timestamp(seconds: Int64($0)) })
    }
}
