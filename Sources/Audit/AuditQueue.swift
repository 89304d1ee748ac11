internal import Glibc
internal import Primitives

/// What waits to be written, between the callers and the one thread that writes. Bounded: `Limits.queue` records, and in
/// seconds by `Limits.patience`.
final class AuditQueue: Sendable {
    typealias Waiter = CheckedContinuation<AuditError?, Never>

    /// Records of one call, kept together.
    struct Entry: Sendable {
        let records: [AuditRecord]
        let ticket: Int?
    }

    struct Batch: Sendable {
        let entries: [Entry]
        let dropped: Int
        var records: [AuditRecord] { entries.count == 1 ? entries[0].records : entries.flatMap(\.records) }
    }

    private struct State {
        var entries: [Entry] = []
        var recordCount = 0
        /// Callers by ticket: whoever removes one, resumes it, once.
        var waiters: [Int: (deadline: MonotonicTime, waiter: Waiter)] = [:]
        var nextTicket = 0
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
    /// About what one sync costs. Measured with 64 callers: a tenth less CPU a record, and more records a second.
    private static let settleMicroseconds: UInt32 = 500

    init(limits: AuditLog.Limits) { self.limits = limits }

    var droppedCount: Int { state.update { $0.droppedTotal } }
    var queuedCount: Int { state.update { $0.recordCount } }

    /// Queues records nobody waits for, or counts them as dropped.
    func enqueue(_ records: [AuditRecord]) throws(AuditError) {
        let (isOpen, isHurried) = state.update { state in
            guard !state.isStopping else { return (false, false) }
            guard state.recordCount + records.count <= limits.queue else {
                state.droppedUnreported += records.count
                state.droppedTotal += records.count
                return (true, true)
            }
            state.entries.append(Entry(records: records, ticket: nil))
            state.recordCount += records.count
            return (true, state.recordCount >= Self.hurryCount)
        }
        guard isOpen else { throw AuditError(.closed) }
        if isHurried { hurry.update { $0 = true } }
    }

    /// Queues records; the waiter is resumed with nil when they are on disk.
    /// Up to as many records again as the queue holds may wait for room; beyond that the answer is `.overloaded` at once.
    func enqueue(_ records: [AuditRecord], waiter: Waiter) {
        let refusal: AuditError? = state.update { state in
            guard !state.isStopping else { return AuditError(.closed) }
            guard state.recordCount + records.count <= 2 * limits.queue else { return AuditError(.overloaded) }
            state.nextTicket += 1
            state.waiters[state.nextTicket] = (.now() + limits.patience, waiter)
            state.entries.append(Entry(records: records, ticket: state.nextTicket))
            state.recordCount += records.count
            return nil
        }
        if let refusal { return waiter.resume(returning: refusal) }
        if limits.gathering > .zero { hurry.update { $0 = true } }
    }

    /// Blocks until there is something to write. Nil when stopped and drained.
    /// - Parameters:
    ///   - gathering: how long to let a batch grow.
    ///   - isBusy: many came together the last time; a sync serves all who arrive within its own length.
    func next(gathering: Duration, isBusy: Bool) -> Batch? {
        let isMore: Bool = state.wait { state in
            if state.recordCount > 0 || state.droppedUnreported > 0 { return true }
            return state.isStopping ? false : nil
        }
        guard isMore else { return nil }
        if gathering > .zero {
            _ = hurry.wait(atMost: gathering) { $0 ? () : nil }
            hurry.update { $0 = false }
        } else if isBusy {
            usleep(Self.settleMicroseconds)
        }
        return state.update { state in
            let batch = Batch(entries: state.entries, dropped: state.droppedUnreported)
            state.entries = []
            state.recordCount = 0
            state.droppedUnreported = 0
            return batch
        }
    }

    /// Tells the batch's callers how it went. Of a failed batch, records nobody waits for are put back as far as there is
    /// room, unless the log is closing.
    func finish(_ batch: Batch, _ failure: AuditError?) {
        let waiters = state.update { state in
            if failure != nil { Self.putBack(batch, into: &state, limit: limits.queue) }
            return batch.entries.compactMap { entry in entry.ticket.flatMap { state.waiters.removeValue(forKey: $0)?.waiter } }
        }
        for waiter in waiters { waiter.resume(returning: failure) }
    }

    private static func putBack(_ batch: Batch, into state: inout State, limit: Int) {
        state.droppedUnreported += batch.dropped
        var kept: [Entry] = []
        for entry in batch.entries where entry.ticket == nil {
            if !state.isStopping, state.recordCount + entry.records.count <= limit {
                kept.append(entry)
                state.recordCount += entry.records.count
            } else {
                state.droppedUnreported += entry.records.count
                state.droppedTotal += entry.records.count
            }
        }
        state.entries.insert(contentsOf: kept, at: 0)
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
            defer { (state.closers, state.waiters) = ([], [:]) }
            return (state.closers, state.waiters.values.map(\.waiter))
        }
        for waiter in waiters { waiter.resume(returning: AuditError(.closed)) }
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
                let late = state.waiters.filter { $0.value.deadline < now }
                if late.isEmpty { return (state.isFinished, []) }
                for ticket in late.keys { state.waiters[ticket] = nil }
                state.entries.removeAll { $0.ticket.map { late[$0] != nil } ?? false }
                state.recordCount = state.entries.reduce(0) { $0 + $1.records.count }
                return (state.isFinished, late.values.map(\.waiter))
            }
            for waiter in late { waiter.resume(returning: AuditError(.overloaded)) }
            if isFinished { return }
        }
    }

    /// Blocks the thread.
    func pause(_ pause: Duration) {
        var time = timespec(tv_sec: Int(pause.components.seconds), tv_nsec: Int(pause.components.attoseconds / 1_000_000_000))
        unsafe nanosleep(&time, nil)
    }
}
