internal import Client
internal import Synchronization

/// Calls of legacy clients that are running, so that `notifications/cancelled` finds them.
final class ActiveCalls: Sendable {
    struct Key: Sendable, Hashable {
        let user: String
        let session: String
        /// The client's id, as JSON.
        let id: [UInt8]
    }

    private let calls = Mutex<[Key: UpstreamCancellation]>([:])

    func add(_ key: Key, _ cancellation: UpstreamCancellation) { calls.withLock { $0[key] = cancellation } }
    func remove(_ key: Key?) {
        if let key { calls.withLock { $0[key] = nil } }
    }

    /// Unknown ids are ignored: the call may have ended meanwhile.
    func cancel(_ key: Key) { calls.withLock { $0[key] }?.cancel() }
}

/// Session handles that were ended by `DELETE`, as long as memory allows.
final class EndedSessions: Sendable {
    static let capacity = 8192
    private let handles = Mutex<(set: Set<Int>, order: [Int])>(([], []))

    func end(_ handle: String) {
        let hash = handle.hashValue
        handles.withLock { handles in
            guard handles.set.insert(hash).inserted else { return }
            handles.order.append(hash)
            if handles.order.count > Self.capacity { handles.set.remove(handles.order.removeFirst()) }
        }
    }

    func contains(_ handle: String) -> Bool { handles.withLock { $0.set.contains(handle.hashValue) } }
}
