internal import COpenSSL
package import Primitives

/// Authenticated encryption, AES-256-GCM of NIST SP 800-38D with a random 96-bit nonce for each message.
package enum AES256GCM {
    static let nonceCount = 12
    static let tagCount = 16

    /// - Parameters:
    ///   - key: 32 bytes; one key must not seal more than 2^32 messages.
    ///   - data: authenticated, not stored: the same bytes must be given to `open`.
    /// - Returns: nonce, ciphertext and tag in one.
    package static func seal(_ plaintext: [UInt8], key: Secret, authenticating data: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard key.count == 32 else { throw CryptoError(.malformed) }
        let nonce = Random.bytes(nonceCount)
        var cipher = [UInt8](repeating: 0, count: plaintext.count)
        var tag = [UInt8](repeating: 0, count: tagCount)
        var length: CInt = 0
        let isDone = contexts.withContext { context in
            defer { unsafe EVP_CIPHER_CTX_reset(context.pointer) }
            return key.expose { key in
                unsafe EVP_EncryptInit_ex2(context.pointer, algorithm.pointer, key, nonce, nil) == 1
                    && EVP_EncryptUpdate(context.pointer, nil, &length, data, CInt(data.count)) == 1
                    && EVP_EncryptUpdate(context.pointer, &cipher, &length, plaintext, CInt(plaintext.count)) == 1
                    && EVP_EncryptFinal_ex(context.pointer, nil, &length) == 1
                    && EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_GCM_GET_TAG, CInt(tagCount), &tag) == 1
            }
        }
        guard isDone else { throw .raised(.failed) }
        return nonce + cipher + tag
    }

    /// - Throws: `.notAuthentic` when key, data or any byte differ.
    package static func open(_ box: [UInt8], key: Secret, authenticating data: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard key.count == 32, box.count >= nonceCount + tagCount else { throw CryptoError(.malformed) }
        let nonce = Array(box[..<nonceCount])
        let cipher = Array(box[nonceCount..<(box.count - tagCount)])
        var tag = Array(box[(box.count - tagCount)...])
        var plain = [UInt8](repeating: 0, count: cipher.count)
        var length: CInt = 0
        let isDone = contexts.withContext { context in
            defer { unsafe EVP_CIPHER_CTX_reset(context.pointer) }
            return key.expose { key in
                unsafe EVP_DecryptInit_ex2(context.pointer, algorithm.pointer, key, nonce, nil) == 1
                    && EVP_DecryptUpdate(context.pointer, nil, &length, data, CInt(data.count)) == 1
                    && EVP_DecryptUpdate(context.pointer, &plain, &length, cipher, CInt(cipher.count)) == 1
                    && EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_GCM_SET_TAG, CInt(tagCount), &tag) == 1
                    && EVP_DecryptFinal_ex(context.pointer, nil, &length) == 1
            }
        }
        guard isDone else { throw .raised(.notAuthentic) }
        return plain
    }

    private static let contexts = ContextPool(
        make: { unsafe Handle(EVP_CIPHER_CTX_new()) }, free: { unsafe EVP_CIPHER_CTX_free($0.pointer) })
    private static let algorithm: Handle = {
        guard Library.isReady, let algorithm = unsafe Handle(EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)) else {
            preconditionFailure("OpenSSL lacks AES-256-GCM")
        }
        return algorithm
    }()
}
