internal import Primitives
internal import Synchronization

/// What a process remembers of legacy sessions: their streams, and which were ended. Forgetting costs a client its open streams,
/// never its session.
final class SessionHub: Sendable {
    /// Sessions with memory; beyond, idle ones are forgotten first.
    static let capacity = 10_000
    /// Ended ids remembered; beyond, the oldest are forgotten, and would be accepted again until they expire.
    static let endedCapacity = 100_000

    private struct State {
        var sessions: [String: SessionMemory] = [:]
        var ended: Set<String> = []
        var endedInOrder: [String] = []
    }

    private let state = Mutex(State())

    /// The memory of a session; made when first asked for.
    func memory(of session: LegacySession) -> SessionMemory {
        state.withLock { state in
            if let known = state.sessions[session.id] { return known }
            if state.sessions.count >= Self.capacity { Self.forgetIdle(&state) }
            let memory = SessionMemory()
            state.sessions[session.id] = memory
            return memory
        }
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

    /// Forgets those with nothing open; where none is idle, half of all, so that no client can lock others out.
    private static func forgetIdle(_ state: inout State) {
        state.sessions = state.sessions.filter { !$0.value.isIdle }
        guard state.sessions.count >= capacity else { return }
        for id in Array(state.sessions.keys.prefix(capacity / 2)) { state.sessions.removeValue(forKey: id)?.end() }
    }
}
