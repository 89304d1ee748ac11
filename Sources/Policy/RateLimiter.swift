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

        package func hash(into hasher: inout Hasher) { hasher.combine(place) }

        /// Where the key belongs, in a table and among shards. Which kind it is hardly matters: keys are compared in full.
        fileprivate var place: UInt64 {
            switch self {
            case .address(let kind, let address):
                address.bytes.reduce(TextHash.value(of: kind)) { ($0 ^ UInt64($1)) &* 0x9E37_79B9_7F4A_7C15 }
            case .user(let user): TextHash.value(of: user.text)
            case .tool(let user, _, let tool): TextHash.value(of: user.text) ^ TextHash.value(of: tool) &* 3
            case .client(let a, let b), .note(let a, let b): TextHash.value(of: a) ^ TextHash.value(of: b) &* 3
            }
        }
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
            if arrivals.count >= capacity { Self.evict(&arrivals, at: now, capacity: capacity) }
            return Self.charge(&arrivals[key, default: 0], quota, at: now)
        }
    }

    private static func charge(_ arrival: inout Int64, _ quota: Quota, at now: MonotonicTime) -> GCRA.Verdict {
        let verdict: GCRA.Verdict
        (verdict, arrival) = GCRA.judge(quota, arrival: arrival, at: now)
        return verdict
    }

    /// True once a minute for each policy and subject: a flood of refusals must not become a flood of audit records.
    package func isWorthNoting(_ policy: String, _ subject: String, at now: MonotonicTime) -> Bool {
        charge(.note(policy, subject), Quota(rate: 1, window: .seconds(60), burst: 1), at: now).isAllowed
    }

    /// Looks without charging: for limits that only failures are charged to.
    package func peek(_ key: Key, _ quota: Quota, at now: MonotonicTime) -> GCRA.Verdict {
        shard(of: key).arrivals.withLock { GCRA.judge(quota, arrival: $0[key] ?? 0, at: now).0 }
    }

    private func shard(of key: Key) -> Shard { shards[Int(key.place >> 32) % shards.count] }

    private static func evict(_ arrivals: inout [Key: Int64], at now: MonotonicTime, capacity: Int) {
        arrivals = arrivals.filter { $0.value > now.nanoseconds }
        guard arrivals.count >= capacity else { return }
        let median = arrivals.values.sorted()[arrivals.count / 2]
        arrivals = arrivals.filter { $0.value > median }
    }
}
