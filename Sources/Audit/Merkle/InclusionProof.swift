/// That one leaf is in a tree (RFC 6962 §2.1.1): its siblings on the way to the root.
struct InclusionPath: Sendable, Hashable {
    /// From 0.
    let index: Int
    /// Leaves of the tree.
    let size: Int
    /// From the leaf upwards.
    let hashes: [[UInt8]]

    /// The root this path leads to from the leaf. Nil when it has another length than index and size ask for.
    func root(from leaf: [UInt8]) -> [UInt8]? {
        guard index >= 0, index < size, hashes.allSatisfy({ $0.count == 32 }) else { return nil }
        let intervals = Self.siblings(of: index, in: size)
        guard intervals.count == hashes.count else { return nil }
        var root = leaf
        for (interval, hash) in zip(intervals, hashes) {
            root = interval.lowerBound < index ? MerkleHash.node(hash, root) : MerkleHash.node(root, hash)
        }
        return root
    }

    /// The leaves that each sibling on the way to the root stands for, from the leaf upwards (RFC 6962 §2.1.1: PATH).
    static func siblings(of index: Int, in size: Int) -> [Range<Int>] {
        var siblings: [Range<Int>] = []
        var (low, high) = (0, size)
        while high - low > 1 {
            let middle = low + 1 << (Int.bitWidth - 1 - (high - low - 1).leadingZeroBitCount)
            if index < middle {
                siblings.append(middle..<high)
                high = middle
            } else {
                siblings.append(low..<middle)
                low = middle
            }
        }
        return siblings.reversed()
    }
}

/// Makes an inclusion path out of leaves that pass by once, in order. What was there before them is given by its frontier.
struct InclusionPathBuilder {
    private let index: Int
    private let size: Int
    private let intervals: [Range<Int>]
    private var trees: [MerkleFrontier]
    /// The leaf of the index, once it passed.
    private(set) var leaf: [UInt8]?

    init(index: Int, size: Int, from base: MerkleFrontier = MerkleFrontier()) {
        self.index = index
        self.size = size
        intervals = InclusionPath.siblings(of: index, in: size)
        trees = intervals.map { _ in MerkleFrontier() }
        for subtree in base.subtrees {
            if let place = intervals.firstIndex(where: { $0.contains(subtree.start) }) {
                trees[place].append(subtree.root, level: subtree.level)
            }
        }
    }

    mutating func pass(_ leaf: [UInt8], at place: Int) {
        if place == index { self.leaf = leaf }
        if let interval = intervals.firstIndex(where: { $0.contains(place) }) { trees[interval].append(leaf) }
    }

    /// Nil when leaves are missing.
    var path: InclusionPath? {
        guard leaf != nil, zip(intervals, trees).allSatisfy({ $0.count == $1.count }) else { return nil }
        return InclusionPath(index: index, size: size, hashes: trees.map(\.root))
    }
}
