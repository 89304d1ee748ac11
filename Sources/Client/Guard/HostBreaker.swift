package import Primitives
internal import Synchronization

/// Leaves hosts alone that keep failing (SSRF-5): after five failures in a row for a minute, and after each further one for twice as
/// long, up to a quarter of an hour. What fails over and over costs us two seconds and a connection each time.
package final class HostBreaker: Sendable {
    private struct Record {
        var failures: Int
        var until: MonotonicTime
    }

    private static let threshold = 5
    private static let shortest = Duration.seconds(60)
    private static let longest = Duration.seconds(900)
    private static let capacity = 4096
    private let records = Mutex<[String: Record]>([:])

    package init() {}

    /// True when the host may be asked now.
    package func admits(_ host: String, at now: MonotonicTime) -> Bool {
        records.withLock { $0[host].map { $0.failures < Self.threshold || now >= $0.until } ?? true }
    }

    package func succeeded(_ host: String) { records.withLock { $0[host] = nil } }

    package func failed(_ host: String, at now: MonotonicTime) {
        records.withLock { records in
            if records[host] == nil, records.count >= Self.capacity {
                records = records.filter { now < $0.value.until }
                guard records.count < Self.capacity else { return }
            }
            let failures = (records[host]?.failures ?? 0) + 1
            let doublings = min(4, max(0, failures - Self.threshold))
            let wait = min(Self.longest, Self.shortest * (1 << doublings))
            records[host] = Record(failures: failures, until: now + wait)
        }
    }
}
