internal import COpenSSL
package import Primitives

/// SHA-256 of FIPS 180-4.
package enum SHA256 {
    /// 32 bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] { digest(bytes.span) }

    /// 32 bytes.
    package static func digest(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe [UInt8](unsafeUninitializedCapacity: 32) { out, filled in
                unsafe gh_sha256(bytes.baseAddress, bytes.count, out.baseAddress)
                filled = 32
            }
        }
    }
}

/// MD5, for the ETags of S3 alone; not for anything that must resist an attacker.
package enum MD5 {
    /// 16 bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] { HashAlgorithm.md5.digest(bytes.span) }
}

/// One fetched message digest.
private final class HashAlgorithm: Sendable {
    static let md5 = HashAlgorithm("MD5", count: 16)

    private let algorithm: Handle
    private let count: Int
    private let contexts = ContextPool(
        make: { unsafe Handle(EVP_MD_CTX_new()) }, free: { unsafe EVP_MD_CTX_free($0.pointer) })

    private init(_ name: String, count: Int) {
        guard Library.isReady, let algorithm = unsafe Handle(EVP_MD_fetch(nil, name, nil)) else {
            preconditionFailure("OpenSSL lacks \(name)")
        }
        self.algorithm = algorithm
        self.count = count
    }

    func digest(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe [UInt8](unsafeUninitializedCapacity: count) { out, filled in
                let isDone = contexts.withContext { context in
                    unsafe EVP_DigestInit_ex2(context.pointer, algorithm.pointer, nil) == 1
                        && EVP_DigestUpdate(context.pointer, bytes.baseAddress, bytes.count) == 1
                        && EVP_DigestFinal_ex(context.pointer, out.baseAddress, nil) == 1
                }
                precondition(isDone, "out of memory")
                filled = count
            }
        }
    }
}

/// HMAC-SHA-256 of RFC 2104 under one key, set up once.
package struct HMACSHA256: Sendable {
    private let key: HMACKey

    /// - Parameter key: any length; 32 bytes are right.
    package init(key: Secret) { self.key = HMACKey(key) }

    /// 32 bytes.
    package func code(for bytes: [UInt8]) -> [UInt8] { key.code(for: bytes) }
}

/// The two states a key leads to. They are as good as the key, so they are wiped at the end.
///
/// Sendable: `init` alone writes the states, before anybody else has the object, and `code(for:)` copies them before it works on them;
/// `deinit` comes when nobody is left.
@safe private final class HMACKey: @unchecked Sendable {
    private let states = UnsafeMutablePointer<gh_hmac_sha256_key>.allocate(capacity: 1)

    init(_ key: Secret) { key.expose { unsafe gh_hmac_sha256_set_key(states, $0, $0.count) } }

    deinit {
        unsafe OPENSSL_cleanse(states, MemoryLayout<gh_hmac_sha256_key>.size)
        unsafe states.deallocate()
    }

    func code(for bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { out, filled in
            unsafe gh_hmac_sha256(states, bytes, bytes.count, out.baseAddress)
            filled = 32
        }
    }
}

/// HKDF-SHA-256 of RFC 5869.
package enum HKDF {
    /// - Parameters:
    ///   - info: names purpose and version; different texts give unrelated keys (KEY-1).
    ///   - count: bytes, at most 8160.
    package static func derive(from secret: Secret, salt: [UInt8] = [], info: String, count: Int = 32) -> Secret {
        let extract = HMACSHA256(key: Secret(salt.isEmpty ? [UInt8](repeating: 0, count: 32) : salt))
        let expand = HMACSHA256(key: Secret(secret.expose { extract.code(for: $0) }))
        var out: [UInt8] = []
        var block: [UInt8] = []
        var index: UInt8 = 1
        while out.count < count {
            block = expand.code(for: block + Array(info.utf8) + [index])
            out += block
            index += 1
        }
        return Secret(Array(out.prefix(count)))
    }
}
