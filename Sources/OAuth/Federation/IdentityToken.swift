internal import Crypto
internal import Primitives

/// Verifies what a provider signs: ID tokens (OP-4) and identity assertions (JAG-1).
struct IdentityToken: Sendable {
    let directory: any ProviderDirectory

    static let skew = 30

    /// - Parameter fault: a fixed word for the audit log.
    struct Refusal: Error {
        let fault: String
    }

    /// An ID token for us, of this sign-in. Returns its claims.
    func verify(
        _ text: String, from provider: IdentityProvider, nonce: String, accessToken: String?, at now: Timestamp
    ) async throws(Refusal) -> JSONObject {
        let claims = try await signed(text, by: provider, types: [nil, "jwt"], at: now)
        if let hash = claims["at_hash"] {
            // Half of the hash of the algorithm's own size; ours all use SHA-256, but EdDSA leaves it open, so it may not come.
            guard let hash = hash.string, let accessToken,
                ConstantTime.equal(Array(hash.utf8), Array(Self.accessTokenHash(accessToken).utf8))
            else { throw Refusal(fault: "at_hash") }
        }
        let audiences = claims["aud"]?.string.map { [$0] } ?? claims["aud"]?.array?.compactMap(\.string) ?? []
        guard audiences.contains(provider.clientID) else { throw Refusal(fault: "aud") }
        if audiences.count > 1 || claims["azp"] != nil {
            guard claims["azp"]?.string == provider.clientID else { throw Refusal(fault: "azp") }
        }
        guard let shown = claims["nonce"]?.string, ConstantTime.equal(Array(shown.utf8), Array(nonce.utf8)) else {
            throw Refusal(fault: "nonce")
        }
        return claims
    }

    /// OpenID Connect Core §3.1.3.6.
    static func accessTokenHash(_ token: String) -> String { Base64.encode(SHA256.digest(Array(token.utf8)).prefix(16)) }

    /// Signature, issuer, times and subject: what holds for everything a provider signs.
    func signed(
        _ text: String, by provider: IdentityProvider, types: [String?], at now: Timestamp
    ) async throws(Refusal) -> JSONObject {
        guard let jws = try? JSONWebSignature(compact: text) else { throw Refusal(fault: "malformed") }
        guard types.contains(jws.type) else { throw Refusal(fault: "typ") }
        let claims = jws.payload
        guard claims["iss"]?.string == provider.issuer else { throw Refusal(fault: "iss") }
        guard let subject = claims["sub"]?.string, (1...255).contains(subject.utf8.count) else { throw Refusal(fault: "sub") }
        let seconds = Int(now.seconds)
        guard let expiry = claims["exp"]?.int, seconds < expiry + Self.skew else { throw Refusal(fault: "exp") }
        guard let issued = claims["iat"]?.int, issued <= seconds + Self.skew else { throw Refusal(fault: "iat") }
        if let begin = claims["nbf"] {
            guard let begin = begin.int, begin <= seconds + Self.skew else { throw Refusal(fault: "nbf") }
        }
        do throws(MetadataFetchError) {
            var keys = KeySelection.candidates(in: try await directory.keySet(of: provider, refreshing: false), for: jws)
            if keys.isEmpty {
                keys = KeySelection.candidates(in: try await directory.keySet(of: provider, refreshing: true), for: jws)
            }
            guard keys.contains(where: jws.isSigned) else { throw MetadataFetchError(reason: "signature", isBlocked: false) }
        } catch { throw Refusal(fault: error.reason == "signature" ? "signature" : "keys") }
        return claims
    }
}

extension IdentityProvider {
    /// The name the claims give our user; an address only when the provider has verified it (OP-5).
    func username(in claims: JSONObject) -> String? {
        guard let name = claims[userClaim]?.string?.lowercased() else { return nil }
        if userClaim == "email" {
            guard claims["email_verified"] == true, name.utf8.count(where: { $0 == UInt8(ascii: "@") }) == 1 else { return nil }
        }
        return name
    }
}
