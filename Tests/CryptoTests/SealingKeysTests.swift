import Crypto
import Primitives
import Testing

@Suite struct SealingKeysTests {
    private static let (old, new) = (Secret([UInt8](repeating: 1, count: 32)), Secret([UInt8](repeating: 2, count: 32)))

    @Test func `what was sealed opens, each time in other bytes`() {
        let keys = SealingKeys(Self.old)
        let (a, b) = (keys.seal([1, 2, 3], authenticating: [9]), keys.seal([1, 2, 3], authenticating: [9]))
        #expect(a != b && keys.open(a, authenticating: [9]) == [1, 2, 3] && keys.open(b, authenticating: [9]) == [1, 2, 3])
    }

    @Test func `a changed byte, another context or another key open nothing`() {
        let keys = SealingKeys(Self.old)
        let box = keys.seal([1, 2, 3], authenticating: [9])
        for place in box.indices {
            var changed = box
            changed[place] ^= 1
            #expect(keys.open(changed, authenticating: [9]) == nil)
        }
        #expect(keys.open(box, authenticating: []) == nil && SealingKeys(Self.new).open(box, authenticating: [9]) == nil)
        #expect(keys.open([], authenticating: [9]) == nil && keys.open([1], authenticating: [9]) == nil)
    }

    @Test func `a former key opens what it sealed, and seals no more`() {
        let box = SealingKeys(Self.old, id: 1).seal([7], authenticating: [])
        let keys = SealingKeys(Self.new, id: 2, former: [1: Self.old])
        #expect(keys.open(box, authenticating: []) == [7] && keys.seal([7], authenticating: []).first == 2)
    }
}
