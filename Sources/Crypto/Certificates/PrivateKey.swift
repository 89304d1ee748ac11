internal import COpenSSL
internal import Primitives

/// A P-256 key pair of OpenSSL.
@safe struct PrivateKey: ~Copyable {
    let pointer: OpaquePointer

    /// A new key.
    init() throws(CryptoError) {
        guard let pointer = unsafe gh_evp_ec_gen("P-256") else { throw .raised(.failed) }
        unsafe self.pointer = pointer
    }

    /// - Throws: `.malformed` unless unencrypted PEM.
    init(pem: Secret) throws(CryptoError) {
        let memory = try MemoryBIO.holding(pem.expose { $0 })
        // The callback refuses a passphrase: without it OpenSSL would ask the terminal.
        guard let pointer = unsafe PEM_read_bio_PrivateKey(memory.pointer, nil, { _, _, _, _ in -1 }, nil) else {
            throw .raised(.malformed)
        }
        unsafe self.pointer = pointer
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// Unencrypted PKCS#8.
    borrowing func pem() throws(CryptoError) -> Secret {
        let memory = try MemoryBIO()
        guard unsafe PEM_write_bio_PrivateKey(memory.pointer, pointer, nil, nil, 0, nil, nil) == 1 else { throw .raised(.failed) }
        return Secret(memory.contents())
    }
}
