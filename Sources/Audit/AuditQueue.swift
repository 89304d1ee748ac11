internal import Glibc
internal import Primitives

/// What waits to be written, between the callers and the one thread that writes. Bounded: `Limits.queue` records, and in
/// seconds by `Limits.patience`.
final class AuditQueue: Sendable {
    private typealias Waiter = AuditLog.Waiter

    struct Batch: Sendable {
        let records: [AuditRecord]
        let dropped: Int
    }

    /// Records of one call, kept together, and when whoever waits for them gives up.
    private struct Place {
        var entry: AuditLog.Entry
        let deadline: MonotonicTime
    }

    private struct State {
        /// What is to be written next.
        var places: [Place] = []
        /// What is being written now. Whoever takes a waiter out of a place resumes it, once.
        var written: [Place] = []
        var recordCount = 0
        /// As many records as the writing thread waits for.
        var wanted = 1
        /// Records waiting when the last batch ended, with those of the batch.
        var population = 0
        var droppedUnreported = 0
        var droppedTotal = 0
        var isStopping = false
        var isFinished = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    let limits: AuditLog.Limits
    private let state = Monitor(State())
    /// Ends the gathering of a batch early.
    private let hurry = Monitor(false)
    private static let hurryCount = 1024
    /// How long a batch waits for callers that were there the last time, a few syncs. Measured with 64 callers: without
    /// it they split into two groups that take turns, and pay for twice as many syncs.
    private static let settling = Duration.milliseconds(2)

    init(limits: AuditLog.Limits) { self.limits = limits }

    var droppedCount: Int { state.update { $0.droppedTotal } }
    var queuedCount: Int { state.update { $0.recordCount } }

    /// Queues entries in their order, with one wake of the writing thread for all of them. A waiter is resumed with nil when
    /// its records are on disk; records nobody waits for are counted as dropped when there is no room.
    ///
    /// Up to as many records again as the queue holds may wait for room; beyond that the answer is `.overloaded` at once.
    func enqueue(_ entries: [AuditLog.Entry]) {
        var refused: [(Waiter, AuditError)] = []
        let deadline = MonotonicTime.now() + limits.patience
        let isHurried = state.updateQuietly { state in
            var isHurried = false
            for entry in entries {
                if let refusal = Self.place(entry, deadline, in: &state, limit: limits.queue) {
                    if let waiter = entry.waiter { refused.append((waiter, refusal)) }
                } else if entry.waiter != nil {
                    isHurried = true
                }
            }
            let isFull = state.recordCount >= Self.hurryCount
            return (isHurried || isFull, state.recordCount >= state.wanted || state.droppedUnreported > 0)
        }
        if isHurried, limits.gathering > .zero { hurry.update { $0 = true } }
        for (waiter, refusal) in refused { waiter.resume(refusal) }
    }

    /// Nil when the entry has its place.
    private static func place(
        _ entry: AuditLog.Entry, _ deadline: MonotonicTime, in state: inout State, limit: Int
    ) -> AuditError? {
        let isAwaited = entry.waiter != nil
        let hasRoom = state.recordCount + entry.records.count <= (isAwaited ? 2 * limit : limit)
        guard !state.isStopping, hasRoom else {
            if !isAwaited {
                state.droppedUnreported += entry.records.count
                state.droppedTotal += entry.records.count
            }
            return AuditError(state.isStopping ? .closed : .overloaded)
        }
        state.places.append(Place(entry: entry, deadline: deadline))
        state.recordCount += entry.records.count
        return nil
    }

    /// Blocks until there is something to write. Nil when stopped and drained.
    /// - Parameter gathering: how long to let a batch grow.
    func next(gathering: Duration) -> Batch? {
        let missing: Int? = state.wait { state in
            state.wanted = 1
            if state.recordCount > 0 || state.droppedUnreported > 0 {
                state.wanted = state.population - state.population / 4
                return .some(state.wanted - state.recordCount)
            }
            return state.isStopping ? .some(nil) : .none
        }
        guard let missing else { return nil }
        if gathering > .zero {
            _ = hurry.wait(atMost: gathering) { $0 ? () : nil }
            hurry.update { $0 = false }
        } else if missing > 0 {
            _ = state.wait(atMost: Self.settling) { $0.recordCount >= $0.wanted || $0.isStopping ? () : nil }
        }
        return state.update { state in
            var records: [AuditRecord] = []
            records.reserveCapacity(state.recordCount)
            for place in state.places { records.append(contentsOf: place.entry.records) }
            let batch = Batch(records: records, dropped: state.droppedUnreported)
            swap(&state.places, &state.written)
            state.recordCount = 0
            state.droppedUnreported = 0
            return batch
        }
    }

    /// Tells the callers of the batch being written how it went. Of a failed one, records nobody waits for are put back as
    /// far as there is room, unless the log is closing.
    func finish(_ batch: Batch, _ failure: AuditError?) {
        let waiters = state.update { state in
            state.population = state.recordCount + batch.records.count
            if failure != nil { Self.putBack(dropped: batch.dropped, into: &state, limit: limits.queue) }
            let waiters = state.written.compactMap { $0.entry.waiter }
            state.written.removeAll(keepingCapacity: true)
            return waiters
        }
        for waiter in waiters { waiter.resume(failure) }
    }

    private static func putBack(dropped: Int, into state: inout State, limit: Int) {
        state.droppedUnreported += dropped
        var kept: [Place] = []
        for place in state.written where place.entry.waiter == nil {
            let count = place.entry.records.count
            if !state.isStopping, state.recordCount + count <= limit {
                kept.append(place)
                state.recordCount += count
            } else {
                state.droppedUnreported += count
                state.droppedTotal += count
            }
        }
        state.places.insert(contentsOf: kept, at: 0)
    }

    /// Lets the writing thread end once everything is written.
    func stop() {
        state.update(wakeAll: true) { $0.isStopping = true }
        hurry.update { $0 = true }
    }

    /// Stops, and resumes the waiter when all is written.
    func close(waiter: CheckedContinuation<Void, Never>) {
        let isFinished = state.update { state in
            if !state.isFinished { state.closers.append(waiter) }
            return state.isFinished
        }
        if isFinished { return waiter.resume() }
        stop()
    }

    /// The writing thread has ended.
    func finished() {
        let (closers, waiters) = state.update { state in
            state.isFinished = true
            let waiters = (state.written + state.places).compactMap { $0.entry.waiter }
            defer { (state.closers, state.places, state.written) = ([], [], []) }
            return (state.closers, waiters)
        }
        for waiter in waiters { waiter.resume(AuditError(.closed)) }
        for closer in closers { closer.resume() }
    }

    var isStopping: Bool { state.update { $0.isStopping } }

    /// The body of a thread of its own: a disk that hangs must not hold the callers longer than their patience. What
    /// they gave up on is not written any more, unless it is just being written.
    func expireWaiters() {
        let pause = max(Duration.milliseconds(5), limits.patience / 10)
        while true {
            self.pause(pause)
            let (isFinished, late): (Bool, [Waiter]) = state.update { state in
                let now = MonotonicTime.now()
                let late = Self.giveUp(on: &state, at: now)
                return (state.isFinished, late)
            }
            for waiter in late { waiter.resume(AuditError(.overloaded)) }
            if isFinished { return }
        }
    }

    private static func giveUp(on state: inout State, at now: MonotonicTime) -> [Waiter] {
        var late: [Waiter] = []
        for index in state.written.indices where state.written[index].deadline < now {
            if let waiter = state.written[index].entry.waiter.take() { late.append(waiter) }
        }
        let isLate: (Place) -> Bool = { $0.entry.waiter != nil && $0.deadline < now }
        guard state.places.contains(where: isLate) else { return late }
        for place in state.places where isLate(place) {
            if let waiter = place.entry.waiter { late.append(waiter) }
        }
        state.places.removeAll(where: isLate)
        state.recordCount = state.places.reduce(0) { $0 + $1.entry.records.count }
        return late
    }

    /// Blocks the thread.
    func pause(_ pause: Duration) {
        var time = timespec(tv_sec: Int(pause.components.seconds), tv_nsec: Int(pause.components.attoseconds / 1_000_000_000))
        unsafe nanosleep(&time, nil)
    }
}
