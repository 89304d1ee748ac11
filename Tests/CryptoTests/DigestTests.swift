import Crypto
import Primitives
import Testing

@Suite struct SHA256Tests {
    // FIPS 180-4 examples of the NIST cryptographic standards page.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `digests agree with FIPS 180-4`(_ text: String, _ expected: String) {
        #expect(Hex.encode(SHA256.digest(Array(text.utf8))) == expected)
    }

    @Test func `threads do not disturb each other`() async {
        let expected = SHA256.digest(Array("abc".utf8))
        let wrong = await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { (0..<2000).count { _ in SHA256.digest(Array("abc".utf8)) != expected } }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }
}

@Suite struct HMACSHA256Tests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let key: [UInt8]
        let data: [UInt8]
        let code: String
        var testDescription: String { name }
    }

    static let vectors = [
        Vector(
            name: "RFC 4231 case 1", key: .init(repeating: 0x0B, count: 20), data: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Vector(
            name: "RFC 4231 case 2", key: Array("Jefe".utf8), data: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Vector(
            name: "RFC 4231 case 3", key: .init(repeating: 0xAA, count: 20), data: .init(repeating: 0xDD, count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Vector(
            name: "RFC 4231 case 6: a key longer than a block", key: .init(repeating: 0xAA, count: 131),
            data: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ]

    @Test(arguments: vectors)
    func `codes agree with RFC 4231, the first time and again`(_ vector: Vector) {
        let mac = HMACSHA256(key: Secret(vector.key))
        #expect(Hex.encode(mac.code(for: vector.data)) == vector.code)
        #expect(Hex.encode(mac.code(for: vector.data)) == vector.code)
    }

    @Test func `two keys in turn do not mix`() {
        let first = HMACSHA256(key: Secret(Self.vectors[0].key))
        let second = HMACSHA256(key: Secret(Self.vectors[1].key))
        #expect(Hex.encode(first.code(for: Self.vectors[0].data)) == Self.vectors[0].code)
        #expect(Hex.encode(second.code(for: Self.vectors[1].data)) == Self.vectors[1].code)
        #expect(Hex.encode(first.code(for: Self.vectors[0].data)) == Self.vectors[0].code)
    }
}

@Suite struct HKDFTests {
    @Test func `derivation agrees with RFC 5869 case 3`() {
        let key = HKDF.derive(from: Secret([UInt8](repeating: 0x0B, count: 22)), info: "", count: 42)
        let expected =
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        #expect(Hex.encode(key.expose { $0 }) == expected)
    }

    @Test func `another info or salt gives another key (KEY-1)`() {
        let root = Secret([UInt8](repeating: 7, count: 32))
        let keys = [
            HKDF.derive(from: root, info: "gatehouse/pepper/1"), HKDF.derive(from: root, info: "gatehouse/pepper/2"),
            HKDF.derive(from: root, salt: [1], info: "gatehouse/pepper/1"),
        ].map { $0.expose { $0 } }
        #expect(Set(keys).count == 3)
        #expect(keys.allSatisfy { $0.count == 32 })
    }
}
