import Crypto
import Primitives
import Testing

@testable import Audit

@Suite struct MerkleTests {
    private let leaves = (0..<70).map { MerkleHash.leaf(SHA256.digest([UInt8($0)])) }

    /// RFC 6962 §2.1, word for word.
    private func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        if leaves.count <= 1 { return leaves.first ?? SHA256.digest([]) }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        let middle = leaves.startIndex + half
        return SHA256.digest([1] + root(leaves[..<middle]) + root(leaves[middle...]))
    }

    private func frontier(_ count: Int) -> MerkleFrontier {
        var tree = MerkleFrontier()
        for leaf in leaves[..<count] { tree.append(leaf) }
        return tree
    }

    @Test func `roots are those of RFC 6962 §2.1`() {
        for count in 0...70 { #expect(frontier(count).root == root(leaves[..<count])) }
        // RFC 9162 and its implementations agree on these.
        #expect(Hex.encode(MerkleHash.empty) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(Hex.encode(MerkleHash.leaf([])) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    }

    @Test func `a frontier written down goes on as if it had not been`() {
        for count in 0..<70 {
            var tree = MerkleFrontier(count: count, peaks: frontier(count).peaks)
            for leaf in leaves[count...] { tree?.append(leaf) }
            #expect(tree?.root == root(leaves[...]))
        }
        #expect(MerkleFrontier(count: 3, peaks: [leaves[0]]) == nil)
        #expect(MerkleFrontier(count: -1, peaks: []) == nil)
    }

    @Test func `unknown leaves are zeros, however many`() {
        let zero = MerkleHash.leaf([UInt8](repeating: 0, count: 32))
        for (before, missing) in [(0, 1), (0, 7), (3, 5), (6, 21), (8, 8)] {
            var (tree, other) = (frontier(before), frontier(before))
            tree.appendUnknown(missing)
            for _ in 0..<missing { other.append(zero) }
            #expect(tree == other)
        }
    }

    @Test func `every leaf of every size is proven, with any frontier to begin from, and no other is`() {
        for size in 1...33 {
            for index in 0..<size {
                for base in [0, index / 2, index] {
                    var builder = InclusionPathBuilder(index: index, size: size, from: frontier(base))
                    for place in base..<size { builder.pass(leaves[place], at: place) }
                    let path = builder.path
                    #expect(path?.root(from: leaves[index]) == root(leaves[..<size]))
                    #expect(path?.root(from: leaves[index + 1]) != root(leaves[..<size]))
                }
            }
        }
    }

    @Test func `a path of another length leads nowhere`() {
        #expect(InclusionPath(index: 0, size: 4, hashes: [leaves[1]]).root(from: leaves[0]) == nil)
        #expect(InclusionPath(index: 4, size: 4, hashes: [leaves[1], leaves[2]]).root(from: leaves[0]) == nil)
        #expect(InclusionPath(index: -1, size: 1, hashes: []).root(from: leaves[0]) == nil)
    }
}
