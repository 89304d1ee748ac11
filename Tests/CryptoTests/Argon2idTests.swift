import Crypto
import Primitives
import Testing

@Suite struct Argon2idTests {
    /// Cheap on purpose: the tests prove the encoding, not the cost.
    static let hasher = Argon2id(memoryKiB: 256, passes: 2, lanes: 1)
    // From the reference implementation's own test suite, `src/test.c`.
    static let known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

    @Test func `the reference implementation's hash verifies`() {
        #expect(Self.hasher.verify(Secret("password"), against: Self.known))
        #expect(!Self.hasher.verify(Secret("Password"), against: Self.known))
    }

    @Test func `a hash is a PHC string with its own salt (PW-1)`() throws {
        let first = try Self.hasher.hash(Secret("correct horse battery staple"))
        let second = try Self.hasher.hash(Secret("correct horse battery staple"))
        #expect(first.hasPrefix("$argon2id$v=19$m=256,t=2,p=1$"))
        #expect(first != second)
        #expect(Self.hasher.verify(Secret("correct horse battery staple"), against: first))
        #expect(!Self.hasher.verify(Secret("correct horse battery stapl"), against: first))
    }

    @Test func `a password beyond 1 KiB is refused before any work (PW-2)`() throws {
        let long = Secret([UInt8](repeating: 0x61, count: 1025))
        #expect(throws: CryptoError(.malformed)) { try Self.hasher.hash(long) }
        #expect(!Self.hasher.verify(long, against: Self.known))
        _ = try Self.hasher.hash(Secret([UInt8](repeating: 0x61, count: 1024)))
    }

    @Test(arguments: [
        "", "password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=4000000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ", "$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$nf65",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$!!!!",
    ])
    func `anything but a bounded Argon2id string never verifies`(_ phc: String) {
        #expect(!Self.hasher.verify(Secret("password"), against: phc))
    }

    @Test func `a weaker hash asks to be made again`() {
        #expect(!Self.hasher.needsRehash(Self.known))
        #expect(Argon2id(memoryKiB: 512, passes: 2, lanes: 1).needsRehash(Self.known))
        #expect(Argon2id(memoryKiB: 256, passes: 3, lanes: 1).needsRehash(Self.known))
        #expect(Self.hasher.needsRehash("no hash at all"))
    }
}
