internal import Crypto
internal import HTTP
internal import Primitives

/// Checks DPoP proofs (RFC 9449 §4.3; DP-1, DP-2).
struct ProofVerifier: Sendable {
    /// Our origin; every `htu` begins with it, whatever `Host` says.
    let issuer: String
    let hasher: TokenHasher
    let singleUses: any SingleUseStore

    /// How far a proof's time may be from ours.
    static let window = Duration.seconds(60)

    /// What came of a request's `DPoP` field.
    enum Outcome: Sendable, Hashable {
        case absent
        /// The RFC 7638 thumbprint of the key that proved itself.
        case proven(String)
        /// A fixed word for the audit log.
        case refused(String)
        /// The store could not tell whether it was used before.
        case unavailable
    }

    /// - Parameter token: the access token the proof must name (`ath`); nil at the token endpoint.
    func verify(_ request: Request, token: [UInt8]?, at now: Timestamp) async -> Outcome {
        switch request.fields.count(of: .dpop) {
        case 0: return .absent
        case 1: break
        default: return .refused("several proofs")
        }
        guard let text = request.fields[.dpop], text.utf8.count <= 8192, let proof = try? JSONWebSignature(compact: text),
            proof.type == "dpop+jwt", let json = proof.header["jwk"], let key = try? JSONWebKey(json)
        else { return .refused("malformed") }
        guard proof.isSigned(by: key) else { return .refused("signature") }
        if let fault = fault(of: proof.payload, request, token, at: now) { return .refused(fault) }
        return await claim(proof.payload["jti"]?.string ?? "", key.thumbprint, at: now)
    }

    private func fault(of claims: JSONObject, _ request: Request, _ token: [UInt8]?, at now: Timestamp) -> String? {
        guard claims["htm"]?.string == request.method.rawValue else { return "htm" }
        guard let uri = claims["htu"]?.string, Self.names(uri, issuer + request.path) else { return "htu" }
        guard let issued = claims["iat"]?.int, abs(Int(now.seconds) - issued) <= Self.window.components.seconds else {
            return "iat"
        }
        guard let jti = claims["jti"]?.string, (1...128).contains(jti.utf8.count) else { return "jti" }
        if let token {
            let expected = Base64.encode(SHA256.digest(token))
            guard let ath = claims["ath"]?.string, ConstantTime.equal(Array(ath.utf8), Array(expected.utf8)) else { return "ath" }
        }
        return nil
    }

    /// Scheme, host, port and path compared after normalisation, query and fragment left out (RFC 9449 §4.3).
    private static func names(_ uri: String, _ expected: String) -> Bool {
        guard let given = URLReference(uri), let own = URLReference(expected), given.hasAuthority, !given.hasUserInfo else {
            return false
        }
        return given.origin == own.origin && (given.path.isEmpty ? "/" : given.path) == own.path
    }

    private func claim(_ jti: String, _ thumbprint: String, at now: Timestamp) async -> Outcome {
        let digest = hasher.digest(of: "dpop\u{0}\(thumbprint)\u{0}\(jti)")
        do {
            let isFirst = try await singleUses.claim(digest, until: now + Self.window + Self.window, at: now)
            return isFirst ? .proven(thumbprint) : .refused("used before")
        } catch { return .unavailable }
    }
}

extension ProofVerifier {
    /// At the token endpoint a proof is optional and must be good (TOK-4).
    func confirmation(_ request: Request, at now: Timestamp) async throws(OAuthError) -> Confirmation? {
        switch await verify(request, token: nil, at: now) {
        case .absent: return nil
        case .proven(let thumbprint): return .key(thumbprint: thumbprint)
        case .unavailable: throw .unavailable
        case .refused(let reason):
            throw OAuthError(
                .invalidDPoPProof, "The DPoP proof is not valid for this request.", rule: "DP-1",
                events: [Event("dpop.rejected", .denied, severity: .warning, reason: reason)])
        }
    }
}
