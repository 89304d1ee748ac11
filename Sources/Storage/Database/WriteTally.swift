internal import Synchronization

/// What the writing thread counts of itself; any thread may read.
final class WriteTally: Sendable {
    private let commitCount = Atomic<UInt64>(0)
    private let writeCount = Atomic<UInt64>(0)
    private let failureCount = Atomic<UInt64>(0)

    var commits: UInt64 { commitCount.load(ordering: .relaxed) }
    var writes: UInt64 { writeCount.load(ordering: .relaxed) }
    var failures: UInt64 { failureCount.load(ordering: .relaxed) }

    func committed(_ jobs: Int) {
        commitCount.wrappingAdd(1, ordering: .relaxed)
        writeCount.wrappingAdd(UInt64(jobs), ordering: .relaxed)
    }

    func failed() { failureCount.wrappingAdd(1, ordering: .relaxed) }
}
