package import Policy
package import Primitives
internal import Synchronization

/// Where the costs of deleted tasks outlive the process. `App` implements it over the database.
package protocol SpendingStore: Sendable {
    /// What is kept of a user's tasks of that day.
    func costs(of user: UserID, since day: Timestamp) async throws -> [String: ComputeSpending]

    /// Keeps the cost of one task; on disk when this returns.
    func keep(_ spending: ComputeSpending, of task: String, for user: UserID, since day: Timestamp) async throws
}

/// What each user's tasks of today have cost, as last seen. Tasks stay counted when they are deleted, after a restart too.
package final class SpendingLedger: Sendable {
    struct Entry: Sendable {
        var spending: ComputeSpending
        /// The task has ended, so that this will not change.
        var isFinal: Bool
    }

    private struct Day {
        let start: Timestamp
        var tasks: [String: Entry]
    }

    /// Users remembered at once, and tasks of one; beyond it the oldest knowledge goes, and is read again.
    private static let capacity = 4096
    static let mostTasks = 1000

    private let store: (any SpendingStore)?
    private let days = Mutex<[UserID: Day]>([:])

    /// - Parameter store: nil keeps everything in memory, for tests.
    package init(store: (any SpendingStore)? = nil) { self.store = store }

    /// What is known of a user's tasks created since the start of the day.
    /// - Throws: when what was kept cannot be read: without it nothing may be spent.
    func tasks(of user: UserID, since start: Timestamp) async throws(QarnotFailure) -> [String: Entry] {
        if let known = days.withLock({ days in days[user].flatMap { $0.start == start ? $0.tasks : nil } }) { return known }
        let kept: [String: ComputeSpending]
        do { kept = try await store?.costs(of: user, since: start) ?? [:] } catch { throw Self.unavailable }
        return days.withLock { days in
            if days[user]?.start != start {
                if days.count >= Self.capacity { days = days.filter { $0.value.start == start } }
                if days.count >= Self.capacity { days.removeAll(keepingCapacity: true) }
                // Not final: a deletion that failed after its cost was kept leaves a task that goes on costing.
                days[user] = Day(start: start, tasks: kept.mapValues { Entry(spending: $0, isFinal: false) })
            }
            return days[user]?.tasks ?? [:]
        }
    }

    func note(_ entry: Entry, of task: String, for user: UserID, since start: Timestamp) async throws(QarnotFailure) {
        _ = try await tasks(of: user, since: start)
        days.withLock { days in
            if days[user]?.start == start { days[user]?.tasks[task] = entry }
        }
    }

    /// Before a task is deleted: what is known of its cost is on disk when this returns.
    func keep(_ task: String, of user: UserID, since start: Timestamp) async throws(QarnotFailure) {
        guard let store, let entry = try await tasks(of: user, since: start)[task] else { return }
        do { try await store.keep(entry.spending, of: task, for: user, since: start) } catch { throw Self.unavailable }
    }

    private static let unavailable = QarnotFailure(
        .budgetUnavailable, "What was spent today cannot be read or kept now, so nothing was done. Try again in a few seconds.",
        isRetryable: true)
}
