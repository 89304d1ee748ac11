import Crypto
import Primitives
import Testing

@Suite struct PasswordHasherTests {
    private static let cheap = Argon2id(memoryKiB: 64, passes: 1, lanes: 1)

    private func hasher(_ byte: UInt8 = 3, name: String = "1", isPeppering: Bool = true) -> PasswordHasher {
        PasswordHasher(
            Self.cheap, pepper: PasswordHasher.Pepper(name: name, key: Secret([UInt8](repeating: byte, count: 32))),
            isPeppering: isPeppering)
    }

    @Test func `a hash says by which key it was made, and is worth nothing without it (PW-1)`() throws {
        let hash = try hasher().hash(Secret("right"))
        #expect(hash.hasPrefix("hmac-sha256:1:$argon2id$v=19$"))
        #expect(hasher().verify(Secret("right"), against: hash))
        #expect(!hasher().verify(Secret("wrong"), against: hash))
        #expect(!hasher(4).verify(Secret("right"), against: hash))
        #expect(!hasher(name: "2").verify(Secret("right"), against: hash))
        #expect(!Self.cheap.verify(Secret("right"), against: String(hash.dropFirst("hmac-sha256:1:".count))))
    }

    @Test func `hashes from before are read, and made again (PW-1)`() throws {
        let plain = try Self.cheap.hash(Secret("right"))
        #expect(hasher().verify(Secret("right"), against: plain) && hasher().needsRehash(plain))
        #expect(!hasher(isPeppering: false).needsRehash(plain))
        let peppered = try hasher().hash(Secret("right"))
        #expect(!hasher().needsRehash(peppered) && hasher(name: "2").needsRehash(peppered))
        #expect(hasher(isPeppering: false).verify(Secret("right"), against: peppered))
        #expect(hasher(isPeppering: false).needsRehash(peppered))
    }
}
