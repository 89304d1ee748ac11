internal import Crypto
internal import Primitives

/// Checks the assertions of `private_key_jwt` (RFC 7523 §3; AUTH-3).
struct AssertionVerifier: Sendable {
    static let type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

    /// Our issuer, and the token endpoint's URL for older clients; one string, never an array.
    let audiences: [String]
    let hasher: TokenHasher
    let singleUses: any SingleUseStore
    let keySets: any KeySetSource

    static let lifetime = 300
    static let skew = 30

    /// The client an assertion claims to be from, before anything is believed.
    static func issuer(of assertion: String) -> String? {
        (try? JSONWebSignature(compact: assertion))?.payload["iss"]?.string
    }

    /// Nil when the assertion proves the client; else a fixed word for the audit log.
    func fault(of assertion: String, client: Client, at now: Timestamp) async throws(StoreError) -> String? {
        guard let jws = try? JSONWebSignature(compact: assertion) else { return "malformed" }
        let claims = jws.payload
        guard claims["iss"]?.string == client.id.text, claims["sub"]?.string == client.id.text else { return "iss" }
        guard let audience = claims["aud"]?.string, audiences.contains(audience) else { return "aud" }
        let seconds = Int(now.seconds)
        guard let expiry = claims["exp"]?.int, expiry > seconds - Self.skew, expiry <= seconds + Self.lifetime + Self.skew else {
            return "exp"
        }
        if let issued = claims["iat"] {
            guard let issued = issued.int, issued <= seconds + Self.skew, issued >= seconds - Self.lifetime - Self.skew else {
                return "iat"
            }
        }
        if let notBefore = claims["nbf"] {
            guard let notBefore = notBefore.int, notBefore <= seconds + Self.skew else { return "nbf" }
        }
        guard let jti = claims["jti"]?.string, (1...256).contains(jti.utf8.count) else { return "jti" }
        guard let keys = client.keys else { return "keys" }
        do {
            guard try await KeySelection.isSigned(jws, by: keys, from: keySets) else { return "signature" }
        } catch { return "keys" }
        let digest = hasher.digest(of: "assertion\u{0}\(client.id.text)\u{0}\(jti)")
        let isFirst = try await singleUses.claim(digest, until: Timestamp(seconds: Int64(expiry + Self.skew)), at: now)
        return isFirst ? nil : "used before"
    }
}
