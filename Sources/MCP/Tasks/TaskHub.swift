internal import HTTP
internal import Primitives
internal import Synchronization

/// The tasks of a process. A client holds a sealed handle of its own user's; what it cannot open is unknown to it.
final class TaskHub: Sendable {
    /// How long a task is kept after its creation, and how long it may take.
    static let timeToLive = Duration.seconds(3600)
    /// Tasks of one user that have not ended.
    static let maximumRunning = 32
    /// Tasks kept of one user, ended ones included, and of all: none is forgotten before its time, so more are refused.
    static let maximumKept = 1000
    static let capacity = 10_000
    private static let sweepInterval = Duration.seconds(60)

    private struct Entry {
        let record: TaskRecord
        let owner: UserID?
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var next = 1
        /// Tasks of an earlier process that were taken up again, by their handles.
        var resumed: [String: Int] = [:]
        var swept = Timestamp(milliseconds: 0)
    }

    /// Names the process in every handle: numbers begin anew with each.
    let instance: String
    private let clock: @Sendable () -> Timestamp
    private let state = Mutex(State())

    init(instance: String, clock: @escaping @Sendable () -> Timestamp) {
        self.instance = instance
        self.clock = clock
    }

    /// Makes a task; an immediate `tasks/get` finds it. Nil when its user, or the process, has too many.
    func make(
        _ tool: Tool, of caller: Principal?, _ client: ClientCapabilities, pollInterval: Int,
        onChange: @escaping @Sendable (TaskRecord.ID) -> Void
    ) -> TaskRecord? {
        let now = clock()
        return state.withLock { state in
            if now - state.swept > Self.sweepInterval { Self.forgetExpired(&state, now) }
            let own = state.entries.values.filter { $0.owner == caller?.userID }
            guard state.entries.count < Self.capacity, own.count < Self.maximumKept,
                own.count(where: { !$0.record.status.isTerminal }) < Self.maximumRunning
            else { return nil }
            let record = TaskRecord(
                TaskRecord.ID(number: state.next), tool, client, pollInterval: pollInterval, clock: clock, onChange: onChange)
            state.entries[state.next] = Entry(record: record, owner: caller?.userID)
            state.next += 1
            return record
        }
    }

    /// The task of a number, while it is kept. One that has outlived its time is stopped.
    func record(_ number: Int) -> TaskRecord? {
        let now = clock()
        let (found, expired) = state.withLock { state -> (TaskRecord?, TaskRecord?) in
            guard let entry = state.entries[number] else { return (nil, nil) }
            guard now - entry.record.created < Self.timeToLive else {
                state.entries[number] = nil
                return (nil, entry.record)
            }
            return (entry.record, nil)
        }
        expired?.cancel()
        return found
    }

    /// The task a handle of an earlier process was taken up as.
    func resumed(_ handle: String) -> TaskRecord? {
        state.withLock { $0.resumed[handle] }.flatMap(record)
    }

    /// Remembers what a handle of an earlier process was taken up as. - Returns: what it is known as already, if two did it at once.
    func resume(_ handle: String, as record: TaskRecord) -> TaskRecord {
        let earlier = state.withLock { state -> Int? in
            if let known = state.resumed[handle] { return known }
            if state.resumed.count >= Self.capacity { state.resumed = state.resumed.filter { state.entries[$0.value] != nil } }
            state.resumed[handle] = record.id.number
            return nil
        }
        guard let earlier, let known = self.record(earlier) else { return record }
        record.cancel()
        return known
    }

    private static func forgetExpired(_ state: inout State, _ now: Timestamp) {
        state.swept = now
        for (number, entry) in state.entries where now - entry.record.created >= timeToLive {
            entry.record.cancel()
            state.entries[number] = nil
        }
    }
}
