internal import COpenSSL

/// OpenSSL sets itself up in the first fetch of an algorithm, and in 3.0 that goes wrong now and then when several threads
/// make their first ones at once: one of them is told the algorithm does not exist. So one thread goes first.
enum Library {
    /// Read before any other fetch.
    static let isReady: Bool = {
        guard OPENSSL_init_crypto(UInt64(OPENSSL_INIT_LOAD_CONFIG), nil) == 1,
            let first = unsafe EVP_MD_fetch(nil, "SHA256", nil)
        else { return false }
        unsafe EVP_MD_free(first)
        return true
    }()
}
