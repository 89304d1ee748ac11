package import Primitives
internal import Synchronization

/// How many calls of one user are being answered at once (RL-2).
package final class ConcurrencyCap: Sendable {
    private let counts = Mutex<[UserID: Int]>([:])
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// True when the user is below the cap; then `leave` must follow exactly once.
    package func enter(_ user: UserID) -> Bool { enter(user, below: limit) }

    /// The same with a cap that may change while users are inside.
    package func enter(_ user: UserID, below limit: Int) -> Bool {
        counts.withLock { counts in
            guard counts[user, default: 0] < limit else { return false }
            counts[user, default: 0] += 1
            return true
        }
    }

    package func leave(_ user: UserID) {
        counts.withLock { counts in
            let left = counts[user, default: 1] - 1
            counts[user] = left > 0 ? left : nil
        }
    }
}
