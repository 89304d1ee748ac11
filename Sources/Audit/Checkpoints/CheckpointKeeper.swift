internal import Glibc
internal import Primitives
internal import Synchronization

/// How checkpoints are made.
package struct CheckpointSettings: Sendable {
    /// Whose log it is, for the reader of a checkpoint; without white space.
    package let origin: String
    /// Between two checkpoints, records or not.
    package let interval: Duration
    /// Records after which one is made earlier.
    package let records: Int
    /// How long a file is kept after its last record; nil for ever.
    package let retention: Duration?
    /// Who else keeps the checkpoints.
    package let witnesses: [Witness]
    /// Reaches the signer, again after each loss.
    package let connect: @Sendable () throws(AuditError) -> SignerChannel
    /// Tells an operator what is wrong, in a sentence.
    package let report: @Sendable (String) -> Void

    package init(
        origin: String, interval: Duration = .seconds(60), records: Int = 1024, retention: Duration? = nil,
        witnesses: [Witness] = [],
        connect: @escaping @Sendable () throws(AuditError) -> SignerChannel, report: @escaping @Sendable (String) -> Void
    ) {
        self.origin = origin
        self.interval = interval
        self.records = records
        self.retention = retention
        self.witnesses = witnesses
        self.connect = connect
        self.report = report
    }
}

/// The thread that has checkpoints signed and writes them into the chain. What it waits for never holds up a record.
final class CheckpointKeeper: Sendable {
    private let settings: CheckpointSettings
    private let queue: AuditQueue
    private let loop: AuditLoop
    private let witnesses: [WitnessQueue]
    private let closers = Mutex<(isFinished: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    init(_ settings: CheckpointSettings, queue: AuditQueue, loop: AuditLoop) {
        self.settings = settings
        self.queue = queue
        self.loop = loop
        witnesses = settings.witnesses.map { WitnessQueue($0) }
    }

    /// Makes a last checkpoint and ends the thread.
    func stop(_ waiter: CheckedContinuation<Void, Never>?) {
        let isFinished = closers.withLock { closers in
            if let waiter, !closers.isFinished { closers.waiting.append(waiter) }
            return closers.isFinished
        }
        if isFinished { waiter?.resume() }
        loop.clock.stop()
    }

    /// The body of the thread.
    func run() {
        var round = KeeperRound(settings)
        loop.clock.begin(every: settings.records)
        for witness in witnesses { startThread { witness.run() } }
        while !loop.clock.isStopping {
            let isFull = loop.clock.wait(atMost: round.tick)
            let before = round.lastCheckpoint
            round.attend(isFull: isFull, self)
            // Full, and nobody to sign: waiting for more to be written would not wait.
            if isFull, round.lastCheckpoint == before { usleep(100_000) }
        }
        round.finish(self)
        for witness in witnesses { witness.stop() }
        let waiting = closers.withLock { closers in
            closers.isFinished = true
            defer { closers.waiting = [] }
            return closers.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Has everything written until now signed, and the checkpoint chained behind it.
    func makeCheckpoint(_ signer: SignerClient) throws(AuditError) {
        loop.clock.restart()
        for _ in 0..<3 {
            let growth = try loop.takeGrowth(beyond: signer.size)
            try growth.forEach(beyond: signer.size, in: loop.folder) { first, hashes throws(AuditError) in
                try signer.extend(first: first, hashes)
            }
            if let checkpoint = try signer.sign(growth.head.count, origin: settings.origin) {
                try append(checkpoint.record)
                loop.clock.forgive()
                return try tell(checkpoint)
            }
            // Ahead of us: the signer's former gateway is still writing, or the log was cut.
        }
        throw AuditError(.noSigner, "signer_ahead")
    }

    /// Removes files past their retention: recorded, signed, then done. Files whose records no checkpoint covers stay.
    func prune(_ signer: SignerClient) throws(AuditError) {
        guard let period = settings.retention else { return }
        let retention = Retention(folder: loop.folder, period: period)
        guard let plan = try retention.plan(at: queue.limits.clock(), signed: signer.size) else { return }
        try append(plan.record)
        try makeCheckpoint(signer)
        try retention.carryOut(plan)
    }

    /// Hands a checkpoint to the witnesses, once it is in the log, and records what they missed.
    private func tell(_ checkpoint: Checkpoint) throws(AuditError) {
        for witness in witnesses {
            witness.add(checkpoint.json.text)
            let dropped = witness.takeDropped()
            guard dropped > 0 else { continue }
            settings.report("the witness \(witness.name) does not answer; \(dropped) checkpoints did not reach it")
            let gap = ChainPlace.gap("witness_unreachable", ("witness", .string(witness.name)), ("dropped", .int(dropped)))
            try append(ChainWriter.record(of: gap))
        }
    }

    /// Brings the search index of one finished file up to date, so that a search need not.
    func indexOne() {
        guard let parts = try? LogPart.parts(of: loop.folder) else { return }
        for part in parts.dropLast().reversed() {
            guard SegmentIndex(part.segment, in: loop.folder).map({ part.size - $0.covered >= SegmentIndex.blockSize }) ?? true
            else {
                continue
            }
            try? SegmentIndex.extend(part, in: loop.folder)
            return
        }
    }

    /// Appends a record and waits for the disk.
    func append(_ record: AuditRecord) throws(AuditError) {
        let answer = Monitor<AuditError??>(nil)
        queue.enqueue([AuditLog.Entry([record], waiter: AuditLog.Waiter(answer))])
        if let failure = answer.wait(until: { $0 }) { throw failure }
    }

    /// The last checkpoint near the end of the log.
    func lastCheckpoint() -> Checkpoint? {
        guard let parts = try? LogPart.parts(of: loop.folder),
            let (first, offset) = try? LogTail.start(ofLast: HashBacklog.limit, in: parts, loop.folder)
        else { return nil }
        var found: Checkpoint?
        for (index, part) in parts.enumerated() where index >= first {
            guard
                var lines = try? LineReader(loop.folder.path(of: part.segment), from: index == first ? offset : 0, to: part.size)
            else { return nil }
            while let line = try? lines.next() { found = ChainLine(line.bytes)?.checkpoint ?? found }
        }
        return found
    }
}

/// Where the keeper stands between two looks.
private struct KeeperRound {
    private let settings: CheckpointSettings
    private var signer: SignerClient?
    private(set) var lastCheckpoint = MonotonicTime(nanoseconds: 0)
    private var nextTry = MonotonicTime(nanoseconds: 0)
    private var nextPruning = MonotonicTime(nanoseconds: 0)
    private var pause = Duration.seconds(1)
    /// What was told already, so that it is told once.
    private var told: String?
    private var wasSigning = false

    /// Between two looks for files past their retention.
    private static let pruningInterval = Duration.seconds(600)

    init(_ settings: CheckpointSettings) { self.settings = settings }

    /// How long nothing may be noticed: a signer that died, above all.
    var tick: Duration {
        guard let signer, signer.isReady else { return .milliseconds(100) }
        return min(.seconds(1), max(.milliseconds(10), settings.interval / 4))
    }

    mutating func attend(isFull: Bool, _ keeper: CheckpointKeeper) {
        let now = MonotonicTime.now()
        if signer == nil, now >= nextTry { connect(keeper) }
        guard let signer else { return }
        do throws(AuditError) {
            guard try signer.becomesReady() else { return }
            try signer.checkAlive()
            if !wasSigning { try begin(signer, keeper) }
            guard isFull || now - lastCheckpoint >= settings.interval || !wasSigning else { return }
            try keeper.makeCheckpoint(signer)
            (lastCheckpoint, wasSigning, told, pause) = (now, true, nil, .seconds(1))
            if now >= nextPruning {
                nextPruning = now + Self.pruningInterval
                try keeper.prune(signer)
            }
            if !isFull { keeper.indexOne() }
        } catch { fail(error, keeper) }
    }

    mutating func finish(_ keeper: CheckpointKeeper) {
        if signer == nil { connect(keeper) }
        let end = MonotonicTime.now() + .seconds(2)
        while let signer, (try? signer.becomesReady()) == false, !signer.isWaiting, MonotonicTime.now() < end { usleep(2000) }
        if let signer, signer.isReady { try? keeper.makeCheckpoint(signer) }
        signer = nil
    }

    private mutating func connect(_ keeper: CheckpointKeeper) {
        do throws(AuditError) { signer = SignerClient(try settings.connect()) } catch { fail(error, keeper) }
    }

    /// A signer that lost its memory goes on from its own last word, when that saves much reading.
    private func begin(_ signer: SignerClient, _ keeper: CheckpointKeeper) throws(AuditError) {
        guard signer.size == 0, let last = keeper.lastCheckpoint() else { return }
        try signer.adopt(last)
    }

    private mutating func fail(_ error: AuditError, _ keeper: CheckpointKeeper) {
        let reason = error.description == "signer_ahead" ? "signer_ahead" : error.code == .noSigner ? "signer_lost" : nil
        guard let reason else { return tell("a checkpoint could not be written: \(error)") }  // the log itself; the signer is well
        (signer, wasSigning) = (nil, false)
        nextTry = MonotonicTime.now() + pause
        pause = min(.seconds(60), pause * 2)
        guard told != reason else { return }
        tell(
            reason == "signer_ahead"
                ? "the signer has signed more records than the log holds: it was cut or begun anew. See docs/operations.md, Audit log"
                : "checkpoints are not signed: \(error)")
        told = reason
        try? keeper.append(ChainWriter.record(of: ChainPlace.gap(reason)))
    }

    private mutating func tell(_ text: String) {
        if told != text { settings.report(text) }
        told = text
    }
}
