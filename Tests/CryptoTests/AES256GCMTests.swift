import COpenSSL
import Crypto
import Primitives
import Testing

@Suite struct AES256GCMTests {
    // Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", the NIST submission.
    static let key = Secret(Hex.decode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")!)
    static let data = Hex.decode("feedfacedeadbeeffeedfacedeadbeefabaddad2")!
    static let plain = Hex.decode(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )!
    static let box = Hex.decode(
        "cafebabefacedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
            + "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b")!

    @Test func `opening agrees with the published vector`() throws {
        #expect(try AES256GCM.open(Self.box, key: Self.key, authenticating: Self.data) == Self.plain)
    }

    @Test(arguments: [0, 1, 15, 16, 17, 4096])
    func `what was sealed opens to the same bytes`(_ count: Int) throws {
        let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let box = try AES256GCM.seal(plain, key: Self.key, authenticating: Self.data)
        #expect(box.count == count + 28)
        #expect(try AES256GCM.open(box, key: Self.key, authenticating: Self.data) == plain)
    }

    @Test func `no two boxes are alike`() throws {
        let boxes = try (0..<64).map { _ in try AES256GCM.seal([1, 2, 3], key: Self.key, authenticating: []) }
        #expect(Set(boxes).count == 64)
    }

    @Test(arguments: 0..<Self.box.count)
    func `any altered byte is refused`(_ index: Int) {
        var box = Self.box
        box[index] ^= 1
        #expect(throws: CryptoError(.notAuthentic)) { try AES256GCM.open(box, key: Self.key, authenticating: Self.data) }
    }

    @Test func `other associated data or another key is refused`() {
        #expect(throws: CryptoError(.notAuthentic)) { try AES256GCM.open(Self.box, key: Self.key, authenticating: []) }
        let other = Secret([UInt8](repeating: 1, count: 32))
        #expect(throws: CryptoError(.notAuthentic)) { try AES256GCM.open(Self.box, key: other, authenticating: Self.data) }
    }

    @Test(arguments: [0, 1, 27])
    func `a box shorter than nonce and tag is malformed`(_ count: Int) {
        let box = Array(Self.box.prefix(count))
        #expect(throws: CryptoError(.malformed)) { try AES256GCM.open(box, key: Self.key, authenticating: []) }
    }

    @Test(arguments: [0, 16, 31, 33])
    func `a key that is not 32 bytes is malformed`(_ count: Int) {
        let key = Secret([UInt8](repeating: 1, count: count))
        #expect(throws: CryptoError(.malformed)) { try AES256GCM.seal([1], key: key, authenticating: []) }
    }

    @Test func `a refusal leaves nothing in OpenSSL's error queue`() {
        _ = try? AES256GCM.open([UInt8](repeating: 0, count: 40), key: Self.key, authenticating: [])
        #expect(ERR_peek_error() == 0)
    }
}
