internal import HTTP
internal import Synchronization

/// A value somebody else delivers once.
final class Reply: Sendable {
    private struct State {
        var value: [UInt8]?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    var value: [UInt8]? { state.withLock { $0.value } }

    func deliver(_ value: [UInt8]) {
        wake { $0.value = $0.value ?? value }
    }

    /// The value, waiting at most that long.
    func value(within time: Duration, _ sleeper: any Sleeper) async -> [UInt8]? {
        if let value { return value }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilThere() }
            group.addTask { try? await sleeper.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
        return value
    }

    private func waitUntilThere() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.value != nil || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake { _ in }
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}

/// Questions of a modern upstream on their way to legacy clients: asked on one stream, answered by a POST of their own.
final class PendingInputs: Sendable {
    static let capacity = 1024

    private struct Key: Hashable {
        let user: String
        let id: String
    }

    private let replies = Mutex<[Key: Reply]>([:])

    /// Nil when too many are open.
    func open(_ id: String, user: String) -> Reply? {
        replies.withLock { replies in
            guard replies.count < Self.capacity else { return nil }
            let reply = Reply()
            replies[Key(user: user, id: id)] = reply
            return reply
        }
    }

    func close(_ id: String, user: String) { replies.withLock { $0[Key(user: user, id: id)] = nil } }

    /// False when nobody asked that of this user.
    func deliver(_ value: [UInt8], to id: String, user: String) -> Bool {
        guard let reply = replies.withLock({ $0[Key(user: user, id: id)] }) else { return false }
        reply.deliver(value)
        return true
    }
}
