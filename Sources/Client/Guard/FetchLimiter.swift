package import Primitives
internal import Synchronization

/// So many fetches a minute from one host (CIMD-4): each fetch fills the host's bucket by one interval, as in RL-1.
package final class FetchLimiter: Sendable {
    private let arrivals = Mutex<[String: Int64]>([:])
    private let interval: Int64
    private let tolerance: Int64
    private let capacity: Int

    /// - Parameter capacity: hosts remembered; when all of them are busy further hosts are refused.
    package init(perMinute: Int = 6, burst: Int = 3, capacity: Int = 4096) {
        interval = 60_000_000_000 / Int64(max(1, perMinute))
        tolerance = interval * Int64(max(1, burst))
        self.capacity = capacity
    }

    /// True when the host may be asked now; that counts as a fetch.
    package func admit(_ host: String, at now: MonotonicTime) -> Bool {
        arrivals.withLock { arrivals in
            let next = max(arrivals[host] ?? 0, now.nanoseconds) + interval
            guard next - now.nanoseconds <= tolerance else { return false }
            if arrivals[host] == nil, arrivals.count >= capacity {
                arrivals = arrivals.filter { $0.value > now.nanoseconds }
                guard arrivals.count < capacity else { return false }
            }
            arrivals[host] = next
            return true
        }
    }
}
