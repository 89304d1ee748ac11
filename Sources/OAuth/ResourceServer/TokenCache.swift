internal import Primitives
internal import Synchronization

/// What was learnt of tokens lately, one shard for each event loop, so that no lock is ever contended. Only good tokens are
/// kept, at most 5 s, and none across a change of the revocation epoch (RS-13).
package final class TokenCache: Sendable {
    private static let lifetime = Duration.seconds(5)
    /// A full shard is emptied: 8,192 active tokens per loop and 5 s are rare, and reading them again is cheap.
    private static let capacity = 8192

    private struct Entry {
        let principal: Principal
        let readAt: MonotonicTime
    }

    private struct Shard {
        var epoch: UInt64 = 0
        var entries: [TokenDigest: Entry] = [:]
    }

    private final class Box: Sendable {
        let shard = Mutex(Shard())
    }

    private let boxes: [Box]
    /// The current revocation epoch: changes whenever any credential stopped being good, in this process or another.
    private let epoch: @Sendable () -> UInt64

    package init(shards: Int, epoch: @escaping @Sendable () -> UInt64) {
        boxes = (0..<max(1, shards)).map { _ in Box() }
        self.epoch = epoch
    }

    /// The epoch to hand to `keep`: taken before the store is read, so that a change in between is not missed.
    func currentEpoch() -> UInt64 { epoch() }

    func principal(_ digest: TokenDigest, shard: Int, at now: MonotonicTime) -> Principal? {
        let current = epoch()
        return boxes[shard % boxes.count].shard.withLock { shard in
            guard shard.epoch == current else {
                shard.entries.removeAll(keepingCapacity: true)
                shard.epoch = current
                return nil
            }
            guard let entry = shard.entries[digest], now - entry.readAt < Self.lifetime else { return nil }
            return entry.principal
        }
    }

    func keep(_ principal: Principal, _ digest: TokenDigest, shard: Int, epoch: UInt64, at now: MonotonicTime) {
        boxes[shard % boxes.count].shard.withLock { shard in
            guard shard.epoch == epoch else { return }
            if shard.entries.count >= Self.capacity { shard.entries.removeAll(keepingCapacity: true) }
            shard.entries[digest] = Entry(principal: principal, readAt: now)
        }
    }
}
