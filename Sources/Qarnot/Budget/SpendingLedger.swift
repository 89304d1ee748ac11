internal import Policy
internal import Primitives
internal import Synchronization

/// What each user's tasks of today have cost, as last seen. Tasks stay counted when they are deleted. Memory of this process:
/// after a restart, tasks deleted before are forgotten.
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

    /// Users remembered at once, and tasks of one; beyond it the oldest knowledge goes.
    private static let capacity = 4096
    static let mostTasks = 1000

    private let days = Mutex<[UserID: Day]>([:])

    package init() {}

    /// What is known of a user's tasks created since the start of the day.
    func tasks(of user: UserID, since start: Timestamp) -> [String: Entry] {
        days.withLock { days in days[user].flatMap { $0.start == start ? $0.tasks : nil } ?? [:] }
    }

    func note(_ entry: Entry, of task: String, for user: UserID, since start: Timestamp) {
        days.withLock { days in
            if days[user]?.start != start {
                if days.count >= Self.capacity { days = days.filter { $0.value.start == start } }
                if days.count >= Self.capacity { days.removeAll(keepingCapacity: true) }
                days[user] = Day(start: start, tasks: [:])
            }
            days[user]?.tasks[task] = entry
        }
    }
}
