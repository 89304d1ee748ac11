internal import Crypto
internal import HTTP
internal import Primitives

/// Makes access tokens in the format of their resource: opaque, or JWT (FMT-3, FMT-4). Either way the store knows the digest,
/// so that revocation is instant for both.
struct TokenIssuer: Sendable {
    let settings: OAuthSettings
    let hasher: TokenHasher
    let keyring: Keyring

    static let jwtType = "at+jwt"

    /// A token that is not stored yet.
    struct Access: Sendable {
        let value: Secret
        let record: NewAccessToken
        let lifetime: Duration
    }

    /// - Throws: `temporarily_unavailable` when a JWT is wanted and there is no key.
    func access(
        for grant: Grant, scopes: ScopeSet, confirmation: Confirmation?, at now: Timestamp
    ) throws(OAuthError) -> Access {
        let isJWT = settings.jwtResources.contains(grant.resource)
        let lifetime = isJWT ? min(settings.accessTokenLifetime, OAuthSettings.jwtLifetime) : settings.accessTokenLifetime
        let value = isJWT ? try jwt(grant, scopes, confirmation, now, lifetime) : TokenFormat.mint(.access)
        return Access(
            value: value,
            record: NewAccessToken(
                digest: hasher.digest(of: value), scopes: scopes, issuedAt: now, expiresAt: now + lifetime,
                confirmation: confirmation), lifetime: lifetime)
    }

    func refresh(endingAt end: Timestamp, for source: RequestSource? = nil, at now: Timestamp) -> (
        value: Secret, record: NewRefreshToken
    ) {
        let value = TokenFormat.mint(.refresh)
        return (
            value,
            NewRefreshToken(
                digest: hasher.digest(of: value), issuedAt: now, expiresAt: min(now + settings.refreshIdle, end), source: source)
        )
    }

    private func jwt(
        _ grant: Grant, _ scopes: ScopeSet, _ confirmation: Confirmation?, _ now: Timestamp, _ lifetime: Duration
    ) throws(OAuthError) -> Secret {
        var claims = JSONObject([
            ("iss", .string(settings.issuer)), ("sub", .string(grant.userID.text)), ("aud", .string(grant.resource)),
            ("client_id", .string(grant.clientID.text)), ("iat", .int(now.seconds)), ("exp", .int((now + lifetime).seconds)),
            ("jti", .string(Base64.encode(Random.bytes(32)))), ("scope", .string(scopes.description)),
        ])
        if let authenticated = grant.authenticatedAt { claims["auth_time"] = .int(authenticated.seconds) }
        if let assurance = grant.methods.assurance {
            claims["acr"] = .string(assurance.rawValue)
            claims["amr"] = .strings(grant.methods.claim)
        }
        if let confirmation { claims["cnf"] = confirmation.json }
        guard let key = keyring.active(at: now), let text = try? key.sign(.object(claims), type: Self.jwtType) else {
            throw .unavailable
        }
        return Secret(text)
    }

    /// Whether a JWT is one of ours for that resource (FMT-4); revocation and expiry are the store's to tell.
    static func isOurs(_ text: String, keyring: Keyring, settings: OAuthSettings, resource: String) -> Bool {
        guard let jws = try? JSONWebSignature(compact: text), jws.type == jwtType, jws.algorithm == .es256,
            let keyID = jws.header["kid"]?.string, let key = keyring.key(keyID), jws.isSigned(by: key)
        else { return false }
        return jws.payload["iss"]?.string == settings.issuer && jws.payload["aud"]?.string == resource
    }
}
