internal import COpenSSL

/// A cryptographic operation that could not be carried out, or a value that did not verify.
package struct CryptoError: Error, Sendable, Hashable {
    package enum Code: String, Sendable {
        /// Authentication failed: wrong key, other associated data, or altered bytes.
        case notAuthentic = "not_authentic"
        /// Lengths or encodings are not those of the algorithm.
        case malformed
        /// The library failed; out of memory in practice.
        case failed
    }

    package let code: Code

    package init(_ code: Code) { self.code = code }

    /// Empties OpenSSL's error queue: every failure path does, so that successes never have to (a call costs 838 instructions).
    static func raised(_ code: Code) -> CryptoError {
        ERR_clear_error()
        return CryptoError(code)
    }
}
