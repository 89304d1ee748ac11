internal import Primitives
internal import Synchronization

/// What a process remembers of legacy sessions: their streams, and which were ended. Forgetting costs a client its open streams,
/// never its session.
final class SessionHub: Sendable {
    /// Sessions with memory; beyond, idle ones are forgotten first.
    static let capacity = 10_000
    /// Ended ids remembered; beyond, the oldest are forgotten, and would be accepted again until they expire.
    static let endedCapacity = 100_000

    private static let sweepInterval = Duration.seconds(60)

    private struct State {
        var sessions: [String: SessionMemory] = [:]
        var ended: Set<String> = []
        var endedInOrder: [String] = []
        var swept = MonotonicTime.now()
    }

    private let state = Mutex(State())

    /// The memory of a session; made when first asked for.
    func memory(of session: LegacySession) -> SessionMemory {
        let now = MonotonicTime.now()
        let (memory, forgotten) = state.withLock { state -> (SessionMemory, [SessionMemory]) in
            if let known = state.sessions[session.id] {
                known.touch(at: now)
                return (known, [])
            }
            if now - state.swept > Self.sweepInterval {
                state.swept = now
                state.sessions = state.sessions.filter { !$0.value.isForgettable(at: now) }
            }
            let forgotten = state.sessions.count >= Self.capacity ? Self.makeRoom(&state, now) : []
            let memory = SessionMemory(at: now)
            state.sessions[session.id] = memory
            return (memory, forgotten)
        }
        // Ending wakes others: not under the lock.
        for memory in forgotten { memory.end() }
        return memory
    }

    /// The memory of a session, if it has any.
    func existingMemory(of session: LegacySession) -> SessionMemory? { state.withLock { $0.sessions[session.id] } }

    func isEnded(_ id: String) -> Bool { state.withLock { $0.ended.contains(id) } }

    /// Ends a session: its streams close, its calls are cancelled, its id is unknown from now on.
    func end(_ session: LegacySession) {
        let memory = state.withLock { state -> SessionMemory? in
            if state.ended.insert(session.id).inserted { state.endedInOrder.append(session.id) }
            if state.endedInOrder.count > Self.endedCapacity {
                for id in state.endedInOrder.prefix(Self.endedCapacity / 10) { state.ended.remove(id) }
                state.endedInOrder.removeFirst(Self.endedCapacity / 10)
            }
            return state.sessions.removeValue(forKey: session.id)
        }
        memory?.end()
    }

    /// Forgets those with nothing open, then those used longest ago, so that no client can lock others out.
    /// - Returns: those that still had something open.
    private static func makeRoom(_ state: inout State, _ now: MonotonicTime) -> [SessionMemory] {
        state.sessions = state.sessions.filter { $0.value.isBusy(at: now) }
        guard state.sessions.count >= capacity else { return [] }
        let oldest = state.sessions.sorted { $0.value.lastUse < $1.value.lastUse }.prefix(capacity / 10)
        for (id, _) in oldest { state.sessions[id] = nil }
        return oldest.map(\.value)
    }
}
