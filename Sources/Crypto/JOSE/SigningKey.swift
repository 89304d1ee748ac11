internal import COpenSSL
package import Primitives

/// A P-256 key that signs our own JWTs with ES256 (FMT-4).
package final class SigningKey: Sendable {
    // Never changed after `init`; OpenSSL lets threads share a key for signing.
    private let key: Handle
    /// Its public half.
    package let publicKey: JSONWebKey

    /// A new key.
    package convenience init() throws(CryptoError) {
        guard let pointer = unsafe gh_evp_ec_gen("P-256") else { throw .raised(.failed) }
        try unsafe self.init(owning: pointer)
    }

    /// - Throws: `.malformed` unless unencrypted PEM of a P-256 key.
    package convenience init(pem: Secret) throws(CryptoError) {
        let memory = try MemoryBIO.holding(pem.expose { $0 })
        guard let pointer = unsafe PEM_read_bio_PrivateKey(memory.pointer, nil, { _, _, _, _ in -1 }, nil) else {
            throw .raised(.malformed)
        }
        try unsafe self.init(owning: pointer)
    }

    private init(owning pointer: OpaquePointer) throws(CryptoError) {
        guard let key = unsafe Handle(pointer) else { throw CryptoError(.failed) }
        self.key = key
        var point = [UInt8](repeating: 0, count: 65)
        var count = 0
        let isRead =
            unsafe EVP_PKEY_get_octet_string_param(pointer, OSSL_PKEY_PARAM_PUB_KEY, &point, point.count, &count) == 1
        guard isRead, count == 65, point[0] == 0x04 else {
            unsafe EVP_PKEY_free(pointer)
            throw .raised(.malformed)
        }
        let x = Base64.encode(Array(point[1...32]))
        let y = Base64.encode(Array(point[33...]))
        publicKey = try JSONWebKey(["kty": "EC", "crv": "P-256", "x": .string(x), "y": .string(y)])
    }

    deinit { unsafe EVP_PKEY_free(key.pointer) }

    /// Unencrypted PKCS#8.
    package func pem() throws(CryptoError) -> Secret {
        let memory = try MemoryBIO()
        guard unsafe PEM_write_bio_PrivateKey(memory.pointer, key.pointer, nil, nil, 0, nil, nil) == 1 else {
            throw .raised(.failed)
        }
        return Secret(memory.contents())
    }

    /// The RFC 7638 thumbprint, which is our `kid` (JWKS-1).
    package var keyID: String { publicKey.thumbprint }

    /// The public key as a member of a JWK set (JWKS-1).
    package var jwk: JSONValue {
        guard case .p256(let x, let y) = publicKey.material else { return .null }
        return [
            "kty": "EC", "crv": "P-256", "x": .string(Base64.encode(x)), "y": .string(Base64.encode(y)), "kid": .string(keyID),
            "use": "sig", "alg": "ES256",
        ]
    }

    /// A compact JWS over the claims, with this key's `kid`.
    package func sign(_ claims: JSONValue, type: String) throws(CryptoError) -> String {
        try sign(claims, header: ["alg": "ES256", "typ": .string(type), "kid": .string(keyID)])
    }

    /// A compact JWS with a header of the caller's making.
    package func sign(_ claims: JSONValue, header: JSONValue) throws(CryptoError) -> String {
        let input = Base64.encode(header.serialized) + "." + Base64.encode(claims.serialized)
        return input + "." + Base64.encode(try signature(of: Array(input.utf8)))
    }

    func signature(of message: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let context = unsafe EVP_MD_CTX_new() else { throw .raised(.failed) }
        defer { unsafe EVP_MD_CTX_free(context) }
        var der = [UInt8](repeating: 0, count: 80)
        var count = der.count
        let isSigned =
            unsafe EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key.pointer) == 1
            && EVP_DigestSign(context, &der, &count, message, message.count) == 1
        guard isSigned, let raw = DER.signatureParts(Array(der[..<count]), width: 32) else { throw .raised(.failed) }
        return raw
    }
}
