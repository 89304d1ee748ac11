import Crypto
import Primitives
import Testing

@testable import OAuth

@Suite struct TokenFormatTests {
    @Test(arguments: TokenKind.allCases)
    func `a minted credential is of its kind and matches the published pattern (FMT-1)`(_ kind: TokenKind) throws {
        let text = TokenFormat.mint(kind).exposeText()
        #expect(TokenFormat.kind(of: Array(text.utf8)) == kind)
        #expect(text.utf8.count == 54)
        #expect(text.wholeMatch(of: /gth[acdgiprs]_[0-9A-Za-z]{49}/) != nil)
        #expect(text.hasPrefix(kind.rawValue + "_"))
    }

    @Test func `no two credentials are alike`() {
        #expect(Set((0..<200).map { _ in TokenFormat.mint(.access).exposeText() }).count == 200)
    }

    @Test func `one changed character anywhere is told by the checksum`() {
        let token = Array(TokenFormat.mint(.access).exposeText().utf8)
        for place in token.indices where token[place] != UInt8(ascii: "_") {
            var changed = token
            changed[place] = changed[place] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
            #expect(TokenFormat.kind(of: changed) != .access, "place \(place)")
        }
    }

    @Test func `the checksum covers the prefix, so that kinds cannot be exchanged`() {
        for from in TokenKind.allCases {
            let tail = TokenFormat.mint(from).exposeText().dropFirst(4)
            for to in TokenKind.allCases where to != from { #expect(TokenFormat.kind(of: Array((to.rawValue + tail).utf8)) == nil) }
        }
    }

    @Test(arguments: ["", "gtha_", "gtha_short", "xxxx_" + String(repeating: "0", count: 49), String(repeating: "a", count: 54)])
    func `what is no credential has no kind`(_ text: String) { #expect(TokenFormat.kind(of: Array(text.utf8)) == nil) }

    @Test(arguments: ["-", "_", " ", "\u{0}", "é"])
    func `only base62 follows the prefix`(_ character: String) {
        let text = TokenFormat.mint(.code).exposeText()
        #expect(TokenFormat.kind(of: Array((text.dropLast() + character).utf8)) == nil)
    }

    @Test func `the checksum is CRC-32 of ISO 3309`() {
        #expect(TokenFormat.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(TokenFormat.crc32([]) == 0)
    }
}

@Suite struct TokenHasherTests {
    private let hasher = TokenHasher(pepper: Secret([UInt8](repeating: 7, count: 32)))

    @Test func `a digest is 33 bytes, led by the pepper's id, the same for every way in (FMT-2)`() {
        let digest = hasher.digest(of: "token")
        #expect(digest.bytes.count == 33 && digest.bytes[0] == 1)
        #expect(digest == hasher.digest(of: Array("token".utf8)) && digest == hasher.digest(of: Secret("token")))
        #expect(
            digest.bytes.dropFirst().elementsEqual(
                HMACSHA256(key: Secret([UInt8](repeating: 7, count: 32))).code(for: Array("token".utf8))))
    }

    @Test func `another pepper or token gives another digest`() {
        #expect(hasher.digest(of: "token") != TokenHasher(pepper: Secret([UInt8](repeating: 8, count: 32))).digest(of: "token"))
        #expect(hasher.digest(of: "token") != hasher.digest(of: "tokem"))
    }

    @Test func `a log sees 8 hexadecimal digits (FMT-2)`() {
        let digest = hasher.digest(of: "token")
        #expect(digest.reference.count == 8)
        #expect(digest.reference == Hex.encode(Array(digest.bytes[1..<5])))
    }
}

@Suite struct SuccessorSealTests {
    private let old = TokenFormat.mint(.refresh)
    private let family = GrantID("g1")

    @Test func `the presented token opens its successor and nothing is readable at rest (RT-4)`() throws {
        let successor = TokenFormat.mint(.refresh)
        let sealed = try SuccessorSeal.seal(successor, for: old, family: family)
        #expect(try SuccessorSeal.open(sealed, with: old, family: family).exposeText() == successor.exposeText())
        #expect(!String(decoding: sealed, as: UTF8.self).contains(successor.exposeText().dropFirst(5)))
        #expect(try SuccessorSeal.seal(successor, for: old, family: family) != sealed)
    }

    @Test func `another token, another family and a changed byte do not open it`() throws {
        let sealed = try SuccessorSeal.seal(TokenFormat.mint(.refresh), for: old, family: family)
        #expect(throws: CryptoError.self) { try SuccessorSeal.open(sealed, with: TokenFormat.mint(.refresh), family: family) }
        #expect(throws: CryptoError.self) { try SuccessorSeal.open(sealed, with: old, family: GrantID("g2")) }
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 1
            #expect(throws: CryptoError.self) { try SuccessorSeal.open(changed, with: old, family: family) }
        }
        #expect(throws: CryptoError.self) { try SuccessorSeal.open([], with: old, family: family) }
    }
}
