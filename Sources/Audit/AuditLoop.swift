internal import Primitives
internal import Synchronization

/// The thread that writes: takes what is queued, commits it as one batch, tells the callers.
final class AuditLoop: Sendable {
    private let queue: AuditQueue
    /// Taken by `run`, and for a moment by whoever makes checkpoints.
    private let writer: Mutex<ChainWriter>
    /// Told how many records were written.
    let clock = CheckpointClock()
    private let gathering: Duration
    let folder: SegmentFolder

    init(queue: AuditQueue, writer: consuming sending ChainWriter, gathering: Duration) {
        self.queue = queue
        folder = writer.folder
        self.writer = Mutex(writer)
        self.gathering = gathering
    }

    func run() {
        while let batch = queue.next(gathering: gathering) {
            let failure = write(batch)
            if failure == nil { clock.add(batch.records.count) }
            queue.finish(batch, failure)
            if failure != nil, queue.isStopping { break }
            if failure != nil, gathering > .zero { queue.pause(gathering) }
        }
        writer.withLock { $0.finish() }
        queue.finished()
    }

    /// What was written since the last time, for a tree that has so many leaves already.
    func takeGrowth(beyond size: Int) throws(AuditError) -> LogGrowth {
        try writer.withLock { writer throws(AuditError) in try writer.takeGrowth(beyond: size) }
    }

    private func write(_ batch: AuditQueue.Batch) -> AuditError? {
        writer.withLock { writer in
            do throws(AuditError) {
                try writer.append(batch.records, dropped: batch.dropped)
                return nil
            } catch {
                return error
            }
        }
    }
}
