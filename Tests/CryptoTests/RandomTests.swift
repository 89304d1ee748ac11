import Crypto
import Testing

@Suite struct RandomTests {
    @Test(arguments: [1, 16, 32, 4096])
    func `as many bytes come as were asked for`(_ count: Int) {
        #expect(Random.bytes(count).count == count)
    }

    @Test func `two draws differ`() {
        #expect(Random.bytes(32) != Random.bytes(32))
        #expect(Random.text(43) != Random.text(43))
    }

    @Test func `text is base62 and uses all of it (FMT-1)`() {
        let text = Random.text(20_000)
        #expect(text.utf8.count == 20_000)
        let alphabet = Set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        #expect(Set(text) == alphabet)
    }
}

@Suite struct ConstantTimeTests {
    static let pairs: [([UInt8], [UInt8], Bool)] = [
        ([], [], true), ([1], [1], true), ([1], [2], false), ([1], [1, 2], false), ([], [0], false),
    ]

    @Test(arguments: pairs)
    func `equality is of every byte and of the length`(_ a: [UInt8], _ b: [UInt8], _ expected: Bool) {
        #expect(ConstantTime.equal(a, b) == expected)
    }
}
