internal import Crypto

/// The hashes of RFC 6962 §2.1. A leaf is the chain hash of one record: it stands for the record's every byte.
enum MerkleHash {
    static let empty = SHA256.digest([])

    static func leaf(_ record: some Sequence<UInt8>) -> [UInt8] { SHA256.digest([0x00] + record) }

    static func node(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { SHA256.digest([0x01] + left + right) }
}

/// A growing Merkle tree by what is needed to grow it: the roots of its perfect subtrees, at most one for each bit of the count.
struct MerkleFrontier: Sendable, Hashable {
    /// Leaves so far.
    private(set) var count = 0
    /// Largest first.
    private(set) var peaks: [[UInt8]] = []

    init() {}

    /// A tree somebody wrote down. Nil unless there is one hash for each bit of the count.
    init?(count: Int, peaks: [[UInt8]]) {
        guard count >= 0, peaks.count == count.nonzeroBitCount, peaks.allSatisfy({ $0.count == 32 }) else { return nil }
        self.count = count
        self.peaks = peaks
    }

    /// RFC 6962 §2.1.
    var root: [UInt8] {
        guard var root = peaks.last else { return MerkleHash.empty }
        for peak in peaks.dropLast().reversed() { root = MerkleHash.node(peak, root) }
        return root
    }

    /// Adds a perfect subtree of 2^level leaves, which fits behind what there is.
    mutating func append(_ subtree: [UInt8], level: Int = 0) {
        var (hash, size) = (subtree, 1 << level)
        precondition(count & (size - 1) == 0, "a subtree begins at a multiple of its size")
        while count & size != 0 {
            hash = MerkleHash.node(peaks.removeLast(), hash)
            count -= size
            size <<= 1
        }
        count += size
        peaks.append(hash)
    }

    /// Adds leaves whose records are not known: they take part as hashes of zeros, whole subtrees at once.
    mutating func appendUnknown(_ missing: Int) {
        var left = missing
        while left > 0 {
            let fitting = count == 0 ? 62 : count.trailingZeroBitCount
            let level = min(fitting, Int.bitWidth - 1 - left.leadingZeroBitCount)
            var hash = MerkleHash.leaf([UInt8](repeating: 0, count: 32))
            for _ in 0..<level { hash = MerkleHash.node(hash, hash) }
            append(hash, level: level)
            left -= 1 << level
        }
    }

    /// The perfect subtrees: where each begins, how many leaves it has as a power of two, and its root.
    var subtrees: [(start: Int, level: Int, root: [UInt8])] {
        var start = 0
        return peaks.map { peak in
            let level = Int.bitWidth - 1 - (count - start).leadingZeroBitCount
            defer { start += 1 << level }
            return (start, level, peak)
        }
    }
}
