internal import Crypto
internal import Primitives

/// Proof Key for Code Exchange, S256 only (RFC 7636; AZ-7, CODE-5).
enum PKCE {
    /// 43 base64url characters: the digest of some verifier.
    static func isChallenge(_ text: String) -> Bool {
        text.utf8.count == 43 && Base64.decode(text) != nil
    }

    /// RFC 7636 §4.1: 43 to 128 unreserved characters.
    static func isVerifier(_ text: String) -> Bool {
        (43...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "~"):
                    true
                default: false
                }
            }
    }

    /// RFC 7636 §4.6.
    static func matches(verifier: String, challenge: String) -> Bool {
        let computed = Base64.encode(SHA256.digest(Array(verifier.utf8)))
        return ConstantTime.equal(Array(computed.utf8), Array(challenge.utf8))
    }
}
