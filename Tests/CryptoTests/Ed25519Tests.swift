import Primitives
import Testing

@testable import Crypto

@Suite struct Ed25519Tests {
    @Test func `RFC 8032 §7.1, test 2`() throws {
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        let der = try #require(Hex.decode("302e020100300506032b657004220420" + seed))
        let key = try Ed25519Key(
            pem: Secret("-----BEGIN PRIVATE KEY-----\n\(Base64.encode(der, .standard))\n-----END PRIVATE KEY-----\n"))
        #expect(Hex.encode(key.publicKey.bytes) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        #expect(
            Hex.encode(try key.signature(of: [0x72]))
                == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    }

    @Test func `keys survive PEM, and signatures hold for one text under one key`() throws {
        let key = try Ed25519Key()
        let again = try Ed25519Key(pem: try key.pem())
        let signature = try again.signature(of: [1, 2, 3])
        let read = try Ed25519PublicKey(pem: Array(key.publicKey.pem.utf8))
        #expect(read == key.publicKey && read.verifies(signature, of: [1, 2, 3]))
        #expect(!read.verifies(signature, of: [1, 2]) && !read.verifies(Array(signature.dropLast()), of: [1, 2, 3]))
        #expect(try !Ed25519Key().publicKey.verifies(signature, of: [1, 2, 3]))
    }

    @Test(arguments: ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func `anything else is no key`(_ text: String) {
        #expect(throws: CryptoError(.malformed)) { try Ed25519Key(pem: Secret(text)) }
        #expect(throws: CryptoError(.malformed)) { try Ed25519PublicKey(pem: Array(text.utf8)) }
    }
}
