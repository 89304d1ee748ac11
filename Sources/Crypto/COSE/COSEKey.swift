/// The public key of a passkey in its COSE form (RFC 9052, RFC 9053): ES256 on P-256, EdDSA on Ed25519 or RS256, as MFA-2 lists
/// them. Its algorithm is part of it and never taken from a signature.
package struct COSEKey: Sendable, Hashable {
    /// Numbers of the IANA registry, in the order we ask for.
    package enum Algorithm: Int64, Sendable, CaseIterable {
        case es256 = -7
        case edDSA = -8
        case rs256 = -257

        fileprivate var signature: SignatureAlgorithm {
            switch self {
            case .es256: .es256
            case .edDSA: .edDSA
            case .rs256: .rs256
            }
        }
    }

    package let algorithm: Algorithm
    /// As the authenticator wrote it, to be stored.
    package let serialized: [UInt8]
    private let key: JSONWebKey

    /// - Throws: `.malformed` unless exactly the members of one of the three, and a key OpenSSL takes: a point off the curve or
    ///   an RSA modulus of less than 2048 bits is none.
    package init(_ value: CBORValue) throws(CryptoError) {
        guard let pairs = value.pairs, let number = value[.integer(3)]?.integer, let algorithm = Algorithm(rawValue: number),
            let material = Self.material(value, algorithm)
        else { throw CryptoError(.malformed) }
        let labels: Set<Int64> = algorithm == .es256 ? [1, 3, -1, -2, -3] : [1, 3, -1, -2]
        guard pairs.count == labels.count, pairs.allSatisfy({ $0.key.integer.map(labels.contains) ?? false }) else {
            throw CryptoError(.malformed)
        }
        self.algorithm = algorithm
        serialized = value.serialized
        key = JSONWebKey(material, for: algorithm.signature)
        guard key.isUsable else { throw CryptoError(.malformed) }
    }

    /// Reads a stored key. - Throws: `.malformed`.
    package init(serialized: [UInt8]) throws(CryptoError) {
        guard let value = try? CBORValue(parsing: serialized) else { throw CryptoError(.malformed) }
        try self.init(value)
    }

    private static func material(_ value: CBORValue, _ algorithm: Algorithm) -> JSONWebKey.Material? {
        switch algorithm {
        case .es256:  // kty EC2, crv P-256
            guard value[.integer(1)]?.integer == 2, value[.integer(-1)]?.integer == 1,
                let x = value[.integer(-2)]?.bytes, let y = value[.integer(-3)]?.bytes, x.count == 32, y.count == 32
            else { return nil }
            return .p256(x: x, y: y)
        case .edDSA:  // kty OKP, crv Ed25519
            guard value[.integer(1)]?.integer == 1, value[.integer(-1)]?.integer == 6, let x = value[.integer(-2)]?.bytes,
                x.count == 32
            else { return nil }
            return .ed25519(x)
        case .rs256:  // kty RSA
            guard value[.integer(1)]?.integer == 3, let n = value[.integer(-1)]?.bytes, let e = value[.integer(-2)]?.bytes,
                (256...512).contains(n.count), n[0] != 0, (1...4).contains(e.count)
            else { return nil }
            return .rsa(modulus: n, exponent: e)
        }
    }

    /// True when the signature, in its WebAuthn form, is this key's over `message` (WebAuthn level 3 §6.5.5: ECDSA in DER).
    package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard algorithm == .es256 else { return key.verifies(signature, of: message, by: algorithm.signature) }
        guard let raw = DER.signatureParts(signature, width: 32) else { return false }
        return key.verifies(raw, of: message, by: .es256)
    }
}
