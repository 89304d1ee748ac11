internal import Glibc
internal import Primitives
internal import Synchronization

/// Appends records to the hash chain on disk (AUD-3, AUD-4). One thread writes whatever is queued as one batch with one
/// `fdatasync`, so many callers share the price of the disk.
package final class AuditLog: Sendable {
    package enum Durability: String, Sendable {
        /// `append` returns when the records are on disk.
        case strict
        /// `append` returns at once; the records are on disk within 200 ms. What the queue cannot hold is counted and dropped.
        case batched
    }

    /// Whoever waits for records to be on disk; resumed exactly once.
    @safe package struct Waiter: Sendable {
        @unsafe private enum Target: Sendable {
            case task(UnsafeContinuation<AuditError?, Never>)
            case thread(Monitor<AuditError??>)
        }

        private let target: Target

        package init(_ continuation: UnsafeContinuation<AuditError?, Never>) { unsafe target = .task(continuation) }

        /// For a thread that waits until there is an answer.
        init(_ monitor: Monitor<AuditError??>) { unsafe target = .thread(monitor) }

        /// - Parameter failure: nil when the records are on disk.
        func resume(_ failure: AuditError?) {
            switch unsafe target {
            case .task(let continuation): unsafe continuation.resume(returning: failure)
            case .thread(let monitor): monitor.update { $0 = .some(failure) }
            }
        }
    }

    /// Records of one call that are kept together.
    package struct Entry: Sendable {
        package let records: [AuditRecord]
        /// Nil when nobody waits.
        var waiter: Waiter?

        package init(_ records: [AuditRecord], waiter: Waiter? = nil) {
            self.records = records
            self.waiter = waiter
        }
    }

    /// What may differ in tests; the defaults are right for everything else.
    struct Limits: Sendable {
        /// Records that may wait.
        var queue = 16_384
        /// How long an `append` waits.
        var patience = Duration.seconds(5)
        /// How long `batched` gathers.
        var gathering = Duration.milliseconds(200)
        /// Bytes after which a new file is begun.
        var segment = 256 << 20
        /// Whether each day (UTC) begins a new file.
        var isDaily = false
        var clock: @Sendable () -> Timestamp = { .now() }
    }

    /// When a new file is begun.
    package struct Rotation: Sendable {
        /// After so many bytes.
        package let bytes: Int
        /// With the first record of a day (UTC).
        package let isDaily: Bool

        package init(bytes: Int = 256 << 20, isDaily: Bool = true) {
            self.bytes = bytes
            self.isDaily = isDaily
        }
    }

    private let queue: AuditQueue
    private let loop: AuditLoop
    private let keeper = Mutex<CheckpointKeeper?>(nil)
    package let durability: Durability

    /// Opens the chain, or begins it, and starts the thread that writes.
    /// - Parameters:
    ///   - folder: made when missing, for its owner alone; its parent must exist.
    ///   - headFile: outside the folder; tells when the log was cut.
    ///   - node: the member `node` of every record.
    /// - Throws: `.cannotRead` or `.cannotWrite`, naming the file.
    package convenience init(
        folder: String, headFile: String, durability: Durability, node: String, rotation: Rotation = Rotation()
    ) throws(AuditError) {
        let limits = Limits(segment: rotation.bytes, isDaily: rotation.isDaily)
        try self.init(folder: folder, headFile: headFile, durability: durability, node: node, limits: limits, disk: .system)
    }

    init(
        folder: String, headFile: String, durability: Durability, node: String, limits: Limits, disk: Disk
    ) throws(AuditError) {
        let writer = try ChainWriter(folder: folder, headFile: headFile, node: node, limits: limits, disk: disk)
        var limits = limits
        if durability == .strict { limits.gathering = .zero }  // the disk's own time is what gathers
        let queue = AuditQueue(limits: limits)
        self.queue = queue
        self.durability = durability
        let loop = AuditLoop(queue: queue, writer: writer, gathering: limits.gathering)
        self.loop = loop
        startThread { loop.run() }
        startThread { queue.expireWaiters() }
    }

    deinit {
        keeper.withLock { $0?.stop(nil) }
        queue.stop()
    }

    /// Begins to write checkpoints (AUD-4): one now, one every so often, and a last one when the log closes. Once.
    package func keepCheckpoints(_ settings: CheckpointSettings) {
        keeper.withLock { keeper in
            guard keeper == nil else { return }
            let made = CheckpointKeeper(settings, queue: queue, loop: loop)
            startThread { made.run() }
            keeper = made
        }
    }

    /// Appends records in their order, without others between them.
    /// - Parameter isCritical: waits for the disk whatever the durability: for what must not happen unrecorded (AUD-3).
    /// - Throws: `.cannotWrite`, upon which none of the records is in the log; `.overloaded` after 5 s or with the queue
    ///   full; `.closed`.
    package func append(_ records: [AuditRecord], isCritical: Bool = false) async throws(AuditError) {
        guard !records.isEmpty else { return }
        guard durability == .strict || isCritical else {
            if queue.isStopping { throw AuditError(.closed) }
            return queue.enqueue([Entry(records)])
        }
        let failure: AuditError? = unsafe await withUnsafeContinuation {
            unsafe queue.enqueue([Entry(records, waiter: Waiter($0))])
        }
        if let failure { throw failure }
    }

    /// Appends what many calls gathered, in its order and with one wake of the writing thread. Returns at once.
    package func append(_ entries: [Entry]) { queue.enqueue(entries) }

    /// Writes what is queued, with a last checkpoint, and ends the threads. Later appends throw `.closed`.
    package func close() async {
        if let keeper = keeper.withLock({ $0 }) { await withCheckedContinuation { keeper.stop($0) } }
        await withCheckedContinuation { queue.close(waiter: $0) }
    }

    /// Records that were dropped since the start because the queue was full (`batched` only).
    package var droppedCount: Int { queue.droppedCount }

    /// Records that wait to be written, without those being written.
    package var queuedCount: Int { queue.queuedCount }
}
