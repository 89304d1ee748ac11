internal import COpenSSL
package import Primitives

/// A public key of RFC 7517: P-256, Ed25519 or RSA of 2048 to 4096 bits.
package struct JSONWebKey: Sendable, Hashable {
    /// The parameters that make the key, and nothing else.
    enum Material: Sendable, Hashable {
        case p256(x: [UInt8], y: [UInt8])
        case ed25519([UInt8])
        case rsa(modulus: [UInt8], exponent: [UInt8])
    }

    let material: Material
    package let keyID: String?
    /// What the key itself allows; nil when it does not say.
    let algorithm: SignatureAlgorithm?

    /// - Throws: `.malformed` for other key types, private members (RFC 7518 §6), a use that is no signature, or odd lengths.
    package init(_ json: JSONValue) throws(CryptoError) {
        guard let object = json.object, !object.keys.contains(where: Self.secretMembers.contains) else {
            throw CryptoError(.malformed)
        }
        if let use = object["use"], use != "sig" { throw CryptoError(.malformed) }
        func bytes(_ name: String) -> [UInt8]? { object[name]?.string.flatMap { Base64.decode($0) } }
        switch (object["kty"]?.string, object["crv"]?.string) {
        case ("EC", "P-256"):
            guard let x = bytes("x"), let y = bytes("y"), x.count == 32, y.count == 32 else { throw CryptoError(.malformed) }
            material = .p256(x: x, y: y)
        case ("OKP", "Ed25519"):
            guard let x = bytes("x"), x.count == 32 else { throw CryptoError(.malformed) }
            material = .ed25519(x)
        case ("RSA", _):
            guard let n = bytes("n"), let e = bytes("e"), (256...512).contains(n.count), n[0] != 0, (1...4).contains(e.count)
            else { throw CryptoError(.malformed) }
            material = .rsa(modulus: n, exponent: e)
        default: throw CryptoError(.malformed)
        }
        keyID = object["kid"]?.string
        algorithm = object["alg"]?.string.flatMap(SignatureAlgorithm.init)
        if object["alg"] != nil, algorithm == nil { throw CryptoError(.malformed) }
    }

    /// A key of another notation, for one algorithm alone.
    init(_ material: Material, for algorithm: SignatureAlgorithm) {
        self.material = material
        self.algorithm = algorithm
        keyID = nil
    }

    /// OpenSSL takes it: a point on the curve, a well-formed modulus.
    var isUsable: Bool {
        guard let key = unsafe Self.publicKey(der) else {
            ERR_clear_error()
            return false
        }
        unsafe EVP_PKEY_free(key)
        return true
    }

    private static let secretMembers: Set<String> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// The base64url SHA-256 thumbprint of RFC 7638, 43 characters.
    package var thumbprint: String {
        let text =
            switch material {
            case .p256(let x, let y): #"{"crv":"P-256","kty":"EC","x":"\#(Base64.encode(x))","y":"\#(Base64.encode(y))"}"#
            case .ed25519(let x): #"{"crv":"Ed25519","kty":"OKP","x":"\#(Base64.encode(x))"}"#
            case .rsa(let n, let e): #"{"e":"\#(Base64.encode(e))","kty":"RSA","n":"\#(Base64.encode(n))"}"#
            }
        return Base64.encode(SHA256.digest(Array(text.utf8)))
    }

    /// Whether a signature of that algorithm can be this key's.
    func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        if let own = self.algorithm, own != algorithm { return false }
        return switch (material, algorithm) {
        case (.p256, .es256), (.ed25519, .edDSA), (.rsa, .ps256), (.rsa, .rs256): true
        default: false
        }
    }

    /// The SubjectPublicKeyInfo.
    private var der: [UInt8] {
        switch material {
        case .p256(let x, let y):
            DER.sequence(
                DER.sequence(
                    [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01],
                    [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]), DER.bitString([0x04] + x + y))
        case .ed25519(let x): DER.sequence(DER.sequence([0x06, 0x03, 0x2B, 0x65, 0x70]), DER.bitString(x))
        case .rsa(let n, let e):
            DER.sequence(
                DER.sequence([0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01], [0x05, 0x00]),
                DER.bitString(DER.sequence(DER.integer(n), DER.integer(e))))
        }
    }

    /// True when `signature`, in its JWS form, is this key's over `message` (RFC 7515 §5.2).
    package func verifies(_ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm) -> Bool {
        guard fits(algorithm) else { return false }
        var signature = signature
        if algorithm == .es256 {
            guard signature.count == 64 else { return false }
            signature = DER.sequence(DER.integer(Array(signature[..<32])), DER.integer(Array(signature[32...])))
        }
        let isRight = verify(signature, message, algorithm)
        if !isRight { ERR_clear_error() }
        return isRight
    }

    private func verify(_ signature: [UInt8], _ message: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
        let der = self.der
        guard let key = unsafe Self.publicKey(der) else { return false }
        defer { unsafe EVP_PKEY_free(key) }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        let digest: OpaquePointer? = if algorithm == .edDSA { nil } else { unsafe EVP_sha256() }
        guard unsafe EVP_DigestVerifyInit(context, &parameters, digest, nil, key) == 1 else { return false }
        if algorithm == .ps256 {
            guard unsafe EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1,
                unsafe EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
            else { return false }
        }
        return unsafe EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    private static func publicKey(_ der: [UInt8]) -> OpaquePointer? {
        unsafe der.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            return unsafe d2i_PUBKEY(nil, &start, buffer.count)
        }
    }
}
