package import Primitives
internal import Synchronization

/// Limits by key in this process: shards of a map, idle keys evicted, bounded in size.
package final class RateLimiter: Sendable {
    /// What a limit is counted by.
    package enum Key: Sendable, Hashable {
        case address(String, IPAddress)
        case user(UserID)
        case tool(UserID, engine: String, tool: String)
        case client(String, String)
        /// Whether a refusal is worth another audit record: by policy and by who was refused.
        case note(String, String)
    }

    private final class Shard: Sendable {
        let arrivals = Mutex<[Key: Int64]>([:])
    }

    private let shards: [Shard]
    private let capacity: Int

    /// - Parameter capacity: keys kept per shard; beyond, idle ones go first, then the shard fails open for no one: it is
    ///   emptied of the keys closest to idle.
    package init(shards: Int = 16, capacity: Int = 65_536) {
        self.shards = (0..<max(1, shards)).map { _ in Shard() }
        self.capacity = capacity
    }

    /// Charges one request to a key.
    package func charge(_ key: Key, _ quota: Quota, at now: MonotonicTime) -> GCRA.Verdict {
        shard(of: key).arrivals.withLock { arrivals in
            let (verdict, next) = GCRA.judge(quota, arrival: arrivals[key] ?? 0, at: now)
            guard verdict.isAllowed else { return verdict }
            if arrivals.count >= capacity { Self.evict(&arrivals, at: now, capacity: capacity) }
            arrivals[key] = next
            return verdict
        }
    }

    /// True once a minute for each policy and subject: a flood of refusals must not become a flood of audit records.
    package func isWorthNoting(_ policy: String, _ subject: String, at now: MonotonicTime) -> Bool {
        charge(.note(policy, subject), Quota(rate: 1, window: .seconds(60), burst: 1), at: now).isAllowed
    }

    /// Looks without charging: for limits that only failures are charged to.
    package func peek(_ key: Key, _ quota: Quota, at now: MonotonicTime) -> GCRA.Verdict {
        shard(of: key).arrivals.withLock { GCRA.judge(quota, arrival: $0[key] ?? 0, at: now).0 }
    }

    private func shard(of key: Key) -> Shard { shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))] }

    private static func evict(_ arrivals: inout [Key: Int64], at now: MonotonicTime, capacity: Int) {
        arrivals = arrivals.filter { $0.value > now.nanoseconds }
        guard arrivals.count >= capacity else { return }
        let median = arrivals.values.sorted()[arrivals.count / 2]
        arrivals = arrivals.filter { $0.value > median }
    }
}
