import Primitives
import Synchronization

/// Notices a user whose key is taken out of the vault more often than people and agents do (VLT-5): 600 times within a minute, five
/// times what `limits.user` lets through by default. Told once in ten minutes a user.
final class KeyUseAlarm: Sendable {
    static let uses = 600
    static let window = Duration.seconds(60)
    static let silence = Duration.seconds(600)
    private static let capacity = 8192

    private struct Count {
        var began: MonotonicTime
        var uses = 0
        var toldAt: MonotonicTime?
    }

    private let counts = Mutex<[UserID: Count]>([:])

    /// Counts a use. True when it is the one to tell of.
    func noteUse(by user: UserID, at now: MonotonicTime) -> Bool {
        counts.withLock { counts in
            if counts.count >= Self.capacity, counts[user] == nil { counts.removeAll(keepingCapacity: true) }
            return Self.count(&counts[user, default: Count(began: now)], at: now)
        }
    }

    private static func count(_ count: inout Count, at now: MonotonicTime) -> Bool {
        if now - count.began >= window { (count.began, count.uses) = (now, 0) }
        count.uses += 1
        guard count.uses >= uses, count.toldAt.map({ now - $0 >= silence }) ?? true else { return false }
        count.toldAt = now
        return true
    }
}
