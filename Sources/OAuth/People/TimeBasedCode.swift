internal import Crypto
package import Primitives

/// Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, 30 seconds, one step of tolerance each way (MFA-1).
package struct TimeBasedCode: Sendable {
    private static let period: Int64 = 30
    /// In bytes: 160 bits.
    private static let secretCount = 20

    private let mac: HMACSHA1

    package init(secret: Secret) { mac = HMACSHA1(key: secret) }

    package static func freshSecret() -> Secret { Secret(Random.bytes(secretCount)) }

    package static func step(at now: Timestamp) -> Int64 { now.seconds / period }

    /// The code of one time step.
    package func code(step: Int64) -> String {
        let digest = mac.code(for: (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * Int64($0))) })
        let offset = Int(digest[19] & 0x0F)
        let number = digest[offset..<(offset + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let text = String(number % 1_000_000)
        return String(repeating: "0", count: 6 - text.utf8.count) + text
    }

    /// The step whose code this is, around `now`; nil when it is none of the three. Compares all of them, in constant time each.
    package func step(of code: String, at now: Timestamp) -> Int64? {
        let typed = Array(code.utf8.filter { $0 != UInt8(ascii: " ") })
        guard typed.count == 6 else { return nil }
        let current = Self.step(at: now)
        var found: Int64?
        for step in [current, current - 1, current + 1] {
            if ConstantTime.equal(typed, Array(self.code(step: step).utf8)) { found = step }
        }
        return found
    }

    /// The secret in the Base32 of RFC 4648 §6, as authenticator apps take it, without padding.
    package static func base32(_ secret: Secret) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        return secret.expose { bytes in
            var (out, buffer, bits): ([UInt8], UInt32, Int) = ([], 0, 0)
            for byte in bytes {
                buffer = buffer << 8 | UInt32(byte)
                bits += 8
                while bits >= 5 {
                    out.append(alphabet[Int(buffer >> UInt32(bits - 5)) & 31])
                    bits -= 5
                }
            }
            if bits > 0 { out.append(alphabet[Int(buffer << UInt32(5 - bits)) & 31]) }
            return String(decoding: out, as: UTF8.self)
        }
    }
}
