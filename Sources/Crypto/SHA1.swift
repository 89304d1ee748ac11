internal import COpenSSL

/// SHA-1, where others prescribe it: HMAC-SHA-1 and lists of breached passwords. Not for anything that must resist a collision.
package enum SHA1 {
    /// 20 bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 20)
        let isDone = unsafe EVP_Digest(bytes, bytes.count, &out, nil, EVP_sha1(), nil) == 1
        precondition(isDone, "out of memory")
        return out
    }
}
