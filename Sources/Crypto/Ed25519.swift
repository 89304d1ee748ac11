internal import COpenSSL
package import Primitives

/// A private key of RFC 8032, for signatures that outlive the process: audit checkpoints.
package final class Ed25519Key: Sendable {
    // Never changed after `init`; OpenSSL lets threads share a key for signing.
    private let key: Handle
    /// Its public half.
    package let publicKey: Ed25519PublicKey

    /// A new key.
    package convenience init() throws(CryptoError) { try self.init(seed: Random.bytes(32)) }

    /// - Throws: `.malformed` unless unencrypted PEM of an Ed25519 key (RFC 8410 §7), as `openssl genpkey` writes it.
    package convenience init(pem: Secret) throws(CryptoError) {
        guard let der = pem.expose({ PEM.decode($0, "PRIVATE KEY") }), der.count == 48, Array(der[..<16]) == Self.prefix else {
            throw CryptoError(.malformed)
        }
        try self.init(seed: Array(der[16...]))
    }

    private init(seed: [UInt8]) throws(CryptoError) {
        guard Library.isReady, let pointer = unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, 32),
            let key = unsafe Handle(pointer)
        else { throw .raised(.failed) }
        self.key = key
        var (bytes, count) = ([UInt8](repeating: 0, count: 32), 32)
        guard unsafe EVP_PKEY_get_raw_public_key(pointer, &bytes, &count) == 1, count == 32 else { throw .raised(.failed) }
        publicKey = try Ed25519PublicKey(bytes)
    }

    deinit { unsafe EVP_PKEY_free(key.pointer) }

    /// Unencrypted PKCS#8.
    package func pem() throws(CryptoError) -> Secret {
        var (seed, count) = ([UInt8](repeating: 0, count: 32), 32)
        guard unsafe EVP_PKEY_get_raw_private_key(key.pointer, &seed, &count) == 1, count == 32 else { throw .raised(.failed) }
        return Secret(PEM.encode(Self.prefix + seed, "PRIVATE KEY"))
    }

    /// 64 bytes (RFC 8032 §5.1.6).
    package func signature(of message: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let context = unsafe EVP_MD_CTX_new() else { throw .raised(.failed) }
        defer { unsafe EVP_MD_CTX_free(context) }
        var (signature, count) = ([UInt8](repeating: 0, count: 64), 64)
        let isSigned =
            unsafe EVP_DigestSignInit(context, nil, nil, nil, key.pointer) == 1
            && EVP_DigestSign(context, &signature, &count, message, message.count) == 1
        guard isSigned, count == 64 else { throw .raised(.failed) }
        return signature
    }

    /// PKCS#8 around the 32 bytes (RFC 8410 §7).
    private static let prefix: [UInt8] = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20]
}

/// A public key of RFC 8032.
package struct Ed25519PublicKey: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]
    private let webKey: JSONWebKey

    package init(_ bytes: [UInt8]) throws(CryptoError) {
        webKey = try JSONWebKey(["kty": "OKP", "crv": "Ed25519", "x": .string(Base64.encode(bytes))])
        self.bytes = bytes
    }

    /// - Throws: `.malformed` unless PEM of an Ed25519 key (RFC 8410 §4).
    package init(pem: [UInt8]) throws(CryptoError) {
        guard let der = PEM.decode(pem, "PUBLIC KEY"), der.count == 44, Array(der[..<12]) == Self.prefix else {
            throw CryptoError(.malformed)
        }
        try self.init(Array(der[12...]))
    }

    /// SubjectPublicKeyInfo, as other tools read it.
    package var pem: String { String(decoding: PEM.encode(Self.prefix + bytes, "PUBLIC KEY"), as: UTF8.self) }

    /// Names the key: the first half of the SHA-256 of its bytes, in hexadecimal.
    package var keyID: String { Hex.encode(SHA256.digest(bytes).prefix(16)) }

    package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        signature.count == 64 && webKey.verifies(signature, of: message, by: .edDSA)
    }

    private static let prefix: [UInt8] = [0x30, 0x2A, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 3, 0x21, 0]
}

/// One textual encoding of RFC 7468, strict: nothing before it, and nothing but white space behind.
private enum PEM {
    static func encode(_ der: [UInt8], _ label: String) -> [UInt8] {
        Array("-----BEGIN \(label)-----\n\(Base64.encode(der, .standard))\n-----END \(label)-----\n".utf8)
    }

    static func decode(_ bytes: [UInt8], _ label: String) -> [UInt8]? {
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard lines.count >= 3, lines.first == "-----BEGIN \(label)-----", lines.last == "-----END \(label)-----" else {
            return nil
        }
        return Base64.decode(lines[1..<(lines.count - 1)].joined(), .standard)
    }
}
