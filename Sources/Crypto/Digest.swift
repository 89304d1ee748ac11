internal import COpenSSL
package import Primitives

/// SHA-256 of FIPS 180-4, with the algorithm fetched once and contexts reused.
package enum SHA256 {
    /// 32 bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] { HashAlgorithm.sha256.digest(bytes.span) }

    /// 32 bytes.
    package static func digest(_ bytes: Span<UInt8>) -> [UInt8] { HashAlgorithm.sha256.digest(bytes) }
}

/// MD5, for the ETags of S3 alone; not for anything that must resist an attacker.
package enum MD5 {
    /// 16 bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] { HashAlgorithm.md5.digest(bytes.span) }
}

/// One fetched message digest.
private final class HashAlgorithm: Sendable {
    static let sha256 = HashAlgorithm("SHA256", count: 32)
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
    private let contexts: ContextPool

    /// - Parameter key: any length; 32 bytes are right.
    package init(key: Secret) {
        let keyed = KeyedMAC(key)
        contexts = ContextPool(make: { keyed.copy() }, free: { unsafe EVP_MAC_CTX_free($0.pointer) })
    }

    /// 32 bytes.
    package func code(for bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { out, filled in
            var written = 0
            let isDone = contexts.withContext { context in
                // A nil key starts again with the one already set.
                unsafe EVP_MAC_init(context.pointer, nil, 0, nil) == 1 && EVP_MAC_update(context.pointer, bytes, bytes.count) == 1
                    && EVP_MAC_final(context.pointer, out.baseAddress, &written, 32) == 1
            }
            precondition(isDone && written == 32, "out of memory")
            filled = 32
        }
    }
}

/// A context with its key set. Contexts for use are copies of it: a copy looks up no algorithm by name, so that it neither
/// waits for OpenSSL's locks nor fails under load.
private final class KeyedMAC: Sendable {
    private static let algorithm: Handle = {
        guard Library.isReady, let mac = unsafe Handle(EVP_MAC_fetch(nil, "HMAC", nil)) else {
            preconditionFailure("OpenSSL lacks HMAC")
        }
        return mac
    }()

    /// Never changed after `init`.
    private let context: Handle

    init(_ key: Secret) {
        guard let context = unsafe Handle(EVP_MAC_CTX_new(Self.algorithm.pointer)) else { preconditionFailure("out of memory") }
        // Set up in C: parameters keep the address of their name, and that of a Swift string ends with the call it was made for.
        let isSet = key.expose { unsafe gh_evp_mac_init_sha256(context.pointer, $0, $0.count) == 1 }
        precondition(isSet, "OpenSSL lacks HMAC with SHA-256")
        self.context = context
    }

    deinit { unsafe EVP_MAC_CTX_free(context.pointer) }

    func copy() -> Handle? { unsafe Handle(EVP_MAC_CTX_dup(context.pointer)) }
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
