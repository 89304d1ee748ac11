import Audit
import HTTP
import Logging
import Primitives
import Transport

/// Writes what happened to the audit log, and says no when it cannot: an answer without its record does not leave (COM-11).
struct Auditor: Sendable {
    private let log: AuditLog
    private let logger: Logger
    private let turns: [Turn]
    let events: EventMetrics
    /// Nil leaves names as they are.
    let pseudonyms: Pseudonyms?

    /// - Parameters:
    ///   - loops: whose records go to the log once a turn.
    ///   - pseudonyms: what stands for names in every record.
    init(log: AuditLog, logger: Logger, loops: [EventLoop] = [], pseudonyms: Pseudonyms? = nil) {
        self.pseudonyms = pseudonyms
        self.log = log
        self.logger = logger
        turns = loops.map { Turn(log: log, loop: $0) }
        self.events = EventMetrics(loops: loops.count)
    }

    /// Appends events of one request. False when the log could not take them.
    func record(_ events: [Event], _ context: AuditContext) async -> Bool {
        guard !events.isEmpty else { return true }
        for event in events { count(event.name, event.outcome) }
        guard let pseudonyms else { return await write(events.map { AuditRecord($0, in: context) }) }
        var disguised = events
        for index in disguised.indices where await !pseudonyms.disguise(&disguised[index]) { return refuse() }
        return await write(disguised.map { AuditRecord($0, in: context) })
    }

    /// Appends several records, in their order and with nothing between them; what they tell is counted by the caller. False when
    /// the log could not take them.
    func record(_ records: [AuditRecord]) async -> Bool { await write(records) }

    /// Before records are made of a caller's events without a wait. False when they cannot be.
    func learn(_ caller: Principal?) async -> Bool {
        guard let pseudonyms, let caller else { return true }
        return await pseudonyms.learn(caller.username) ? true : refuse()
    }

    private func refuse() -> Bool {
        events.recordFailure(at: .now())
        logger.error("audit record not written", [("error.code", "no_pseudonym")])
        return false
    }

    /// For the metrics.
    func count(_ event: String, _ outcome: Event.Outcome) {
        events.record(event, outcome, loop: turns.firstIndex { $0.loop.isCurrent })
    }

    private func write(_ records: [AuditRecord]) async -> Bool {
        do {
            try await append(records)
            return true
        } catch {
            events.recordFailure(at: .now())
            logger.error("audit record not written", [("error.code", .text("\(error)"))])
            return false
        }
    }

    private func append(_ records: [AuditRecord]) async throws(AuditError) {
        guard let turn = turns.first(where: { $0.loop.isCurrent }) else { return try await log.append(records) }
        guard log.durability == .strict else { return turn.add(AuditLog.Entry(records)) }
        let failure: AuditError? = unsafe await withUnsafeContinuation {
            turn.add(AuditLog.Entry(records, waiter: unsafe AuditLog.Waiter($0)))
        }
        if let failure { throw failure }
    }
}

/// The records of one turn of a loop: handed over together, they cost one wake of the writing thread and share its sync.
///
/// Sendable: `entries` is touched on the loop's thread alone, which `atEndOfTurn` makes sure of.
private final class Turn: @unchecked Sendable {
    let loop: EventLoop
    private let log: AuditLog
    private var entries: [AuditLog.Entry] = []

    init(log: AuditLog, loop: EventLoop) {
        self.log = log
        self.loop = loop
    }

    func add(_ entry: AuditLog.Entry) {
        if entries.isEmpty { loop.atEndOfTurn { self.flush() } }
        entries.append(entry)
    }

    private func flush() {
        log.append(entries)
        entries.removeAll(keepingCapacity: true)
    }
}
