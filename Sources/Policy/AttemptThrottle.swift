package import Primitives
internal import Synchronization

/// Slows down guessing (BF-1, contract §9): from the fifth failure on, each pair of account and address waits 1 s, 2 s, 4 s …
/// to 15 minutes. An attacker elsewhere does not lock the owner out, since the address is part of the key.
package final class AttemptThrottle: Sendable {
    private struct Record {
        var failures: Int
        var lastFailure: MonotonicTime
    }

    private struct Pair: Hashable {
        let account: String
        let address: IPAddress
    }

    private static let longest = Duration.seconds(900)
    private static let capacity = 65_536
    private let records = Mutex<[Pair: Record]>([:])
    private let limit: Atomic<Int>

    /// - Parameter attempts: the attempt from which on a failure makes the next one wait; 5 by default.
    package init(attempts: Int) { limit = Atomic(attempts) }

    /// Changes the limit; what was counted stays.
    package func adjust(attempts: Int) { limit.store(attempts, ordering: .relaxed) }

    private var freeAttempts: Int { max(1, limit.load(ordering: .relaxed)) - 1 }

    /// How long the next attempt must wait; nil when it may go on.
    package func delay(account: String, address: IPAddress, at now: MonotonicTime) -> Duration? {
        let pair = Pair(account: account, address: address.limitKey)
        guard let record = records.withLock({ $0[pair] }), record.failures > freeAttempts else { return nil }
        let wait = Self.wait(beyond: record.failures - freeAttempts)
        let passed = now - record.lastFailure
        return passed < wait ? wait - passed : nil
    }

    package func failed(account: String, address: IPAddress, at now: MonotonicTime) {
        let pair = Pair(account: account, address: address.limitKey)
        records.withLock { records in
            if records.count >= Self.capacity { records = records.filter { now - $0.value.lastFailure < Self.longest } }
            if records.count >= Self.capacity { records.removeAll() }
            let failures = records[pair].map { now - $0.lastFailure < Self.longest ? $0.failures : 0 } ?? 0
            records[pair] = Record(failures: failures + 1, lastFailure: now)
        }
    }

    package func succeeded(account: String, address: IPAddress) {
        records.withLock { $0[Pair(account: account, address: address.limitKey)] = nil }
    }

    /// 2^(n-1) seconds for the nth failure past the free ones.
    private static func wait(beyond n: Int) -> Duration { n > 10 ? longest : min(.seconds(1 << (n - 1)), longest) }
}
