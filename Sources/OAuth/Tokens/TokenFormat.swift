internal import Crypto
package import Primitives

/// What a credential is for, told by its prefix (FMT-1).
package enum TokenKind: String, Sendable, CaseIterable {
    case access = "gtha"
    case refresh = "gthr"
    case code = "gthc"
    case clientSecret = "gths"
    case personal = "gthp"
    case device = "gthd"
    case registration = "gthg"
    case initialAccess = "gthi"
}

/// `<prefix>_<43 base62 characters><6 base62 characters of CRC-32>`: 256 bits from the system, greppable by secret scanners,
/// and garbage is told apart before any store is asked.
package enum TokenFormat {
    static let randomCount = 43
    static let length = 4 + 1 + randomCount + 6

    /// A fresh credential.
    package static func mint(_ kind: TokenKind) -> Secret {
        var bytes = Array("\(kind.rawValue)_".utf8)
        bytes.append(contentsOf: Random.text(randomCount).utf8)
        appendChecksum(of: bytes, to: &bytes)
        return Secret(bytes)
    }

    /// The kind of a well-formed credential with a right checksum; nil for anything else.
    package static func kind(of bytes: [UInt8]) -> TokenKind? {
        guard bytes.count == length, bytes[4] == UInt8(ascii: "_"), bytes[5...].allSatisfy(isBase62),
            let kind = TokenKind(rawValue: String(decoding: bytes[..<4], as: UTF8.self))
        else { return nil }
        var rest = crc32(bytes[..<(length - 6)])
        for place in (length - 6)..<length {
            guard bytes[place] == base62(UInt8(rest % 62)) else { return nil }
            rest /= 62
        }
        return kind
    }

    /// Three parts beginning with an encoded `{"`; a filter before any work, not a judgement.
    static func looksLikeJWT(_ text: String) -> Bool {
        text.utf8.count <= 16 * 1024 && text.hasPrefix("eyJ") && text.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 2
    }

    private static func appendChecksum(of bytes: some Sequence<UInt8>, to out: inout [UInt8]) {
        var rest = crc32(bytes)
        for _ in 0..<6 {
            out.append(base62(UInt8(rest % 62)))
            rest /= 62
        }
    }

    private static func base62(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<10: 0x30 + value
        case 10..<36: 0x41 + value - 10
        default: 0x61 + value - 36
        }
    }

    private static func isBase62(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// CRC-32 of ISO 3309, by half bytes: a 16-entry table of constants, no lazy global.
    static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc = (crc >> 4) ^ step((crc ^ UInt32(byte)) & 15)
            crc = (crc >> 4) ^ step((crc ^ UInt32(byte >> 4)) & 15)
        }
        return ~crc
    }

    private static func step(_ index: UInt32) -> UInt32 {
        switch index {
        case 0: 0x0000_0000
        case 1: 0x1DB7_1064
        case 2: 0x3B6E_20C8
        case 3: 0x26D9_30AC
        case 4: 0x76DC_4190
        case 5: 0x6B6B_51F4
        case 6: 0x4DB2_6158
        case 7: 0x5005_713C
        case 8: 0xEDB8_8320
        case 9: 0xF00F_9344
        case 10: 0xD6D6_A3E8
        case 11: 0xCB61_B38C
        case 12: 0x9B64_C2B0
        case 13: 0x86D3_D2D4
        case 14: 0xA00A_E278
        default: 0xBDBD_F21C
        }
    }
}

/// Turns credentials into what the stores may know (FMT-2).
package struct TokenHasher: Sendable {
    /// Led by this id, so that a later pepper can stand beside it.
    private static let pepperID: UInt8 = 1
    private let mac: HMACSHA256

    /// - Parameter pepper: 32 bytes derived for this purpose alone, from a key that outlives the root key.
    package init(pepper: Secret) { mac = HMACSHA256(key: pepper) }

    package func digest(of token: [UInt8]) -> TokenDigest {
        var bytes = [Self.pepperID]
        bytes.reserveCapacity(33)
        bytes.append(contentsOf: mac.code(for: token))
        return TokenDigest(bytes: bytes)
    }
    package func digest(of token: String) -> TokenDigest { digest(of: Array(token.utf8)) }
    package func digest(of token: Secret) -> TokenDigest { token.expose { digest(of: $0) } }
}

/// Seals a refresh token's successor under a key only the presented token yields (RT-4).
enum SuccessorSeal {
    private static let purpose = "gatehouse refresh successor v1"

    static func seal(_ successor: Secret, for presented: Secret, family: GrantID) throws(CryptoError) -> [UInt8] {
        let key = HKDF.derive(from: presented, info: purpose)
        return try successor.expose { bytes throws(CryptoError) in
            try AES256GCM.seal(bytes, key: key, authenticating: Array(family.text.utf8))
        }
    }

    /// - Throws: when the sealed bytes were not made for this token.
    static func open(_ sealed: [UInt8], with presented: Secret, family: GrantID) throws(CryptoError) -> Secret {
        let key = HKDF.derive(from: presented, info: purpose)
        return Secret(try AES256GCM.open(sealed, key: key, authenticating: Array(family.text.utf8)))
    }
}
