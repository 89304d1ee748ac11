package import Primitives
internal import Synchronization

/// How many calls of one user are being answered at once (RL-2). Those beyond wait in the order they came.
package final class ConcurrencyCap: Sendable {
    private struct State {
        var counts: [UserID: Int] = [:]
        var waiting: [UserID: [(ticket: UInt64, continuation: CheckedContinuation<Bool, Never>)]] = [:]
        var nextTicket: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// True when the user is below the cap; then `leave` must follow exactly once.
    package func enter(_ user: UserID) -> Bool { enter(user, below: limit) }

    /// The same with a cap that may change while users are inside.
    package func enter(_ user: UserID, below limit: Int) -> Bool {
        state.withLock { state in
            Self.take(&state.counts[user, default: 0], below: limit)
        }
    }

    private static func take(_ count: inout Int, below limit: Int) -> Bool {
        guard count < limit else { return false }
        count += 1
        return true
    }

    /// So many users who have left stay in the table: coming back is cheaper than coming anew.
    private static let remembered = 4096

    /// Waits for a place, behind those who came before. False when the task was cancelled first; else as `enter`.
    package func enterWhenFree(_ user: UserID) async -> Bool {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let verdict = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if Self.take(&state.counts[user, default: 0], below: limit) { return true }
                    state.waiting[user, default: []].append((ticket, continuation))
                    return nil
                }
                if let verdict { continuation.resume(returning: verdict) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard let place = state.waiting[user]?.firstIndex(where: { $0.ticket == ticket }) else { return nil }
                let waiter = state.waiting[user]?.remove(at: place).continuation
                if state.waiting[user]?.isEmpty == true { state.waiting[user] = nil }
                return waiter
            }
            waiter?.resume(returning: false)
        }
    }

    /// Gives the place to whoever waits longest, or back.
    package func leave(_ user: UserID) {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            if !state.waiting.isEmpty, let first = state.waiting[user]?.removeFirst() {
                if state.waiting[user]?.isEmpty == true { state.waiting[user] = nil }
                return first.continuation
            }
            state.counts[user, default: 1] -= 1
            if state.counts.count > Self.remembered { state.counts = state.counts.filter { $0.value > 0 } }
            return nil
        }
        waiter?.resume(returning: true)
    }
}
