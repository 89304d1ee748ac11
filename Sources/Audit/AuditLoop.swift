internal import Primitives
internal import Synchronization

/// The thread that writes: takes what is queued, commits it as one batch, tells the callers.
final class AuditLoop: Sendable {
    private let queue: AuditQueue
    /// Only `run` takes the lock; it proves to the compiler what is true anyway.
    private let writer: Mutex<ChainWriter>
    private let gathering: Duration

    init(queue: AuditQueue, writer: consuming sending ChainWriter, gathering: Duration) {
        self.queue = queue
        self.writer = Mutex(writer)
        self.gathering = gathering
    }

    func run() {
        while let batch = queue.next(gathering: gathering) {
            let failure = write(batch)
            queue.finish(batch, failure)
            if failure != nil, queue.isStopping { break }
            if failure != nil, gathering > .zero { queue.pause(gathering) }
        }
        writer.withLock { $0.finish() }
        queue.finished()
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
