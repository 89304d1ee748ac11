internal import OAuth
internal import Primitives

/// A question waiting for a reader.
struct ReadJob: QueuedJob {
    let queuedAt: MonotonicTime
    let run: @Sendable (borrowing Connection) -> Void
    let refuse: @Sendable (StoreError) -> Void

    init<T: Sendable>(
        _ body: @escaping @Sendable (borrowing Connection) throws(StoreError) -> T,
        _ finish: @escaping @Sendable (Result<T, StoreError>) -> Void
    ) {
        queuedAt = .now()
        refuse = { finish(.failure($0)) }
        run = { connection in
            do throws(StoreError) { finish(.success(try body(connection))) } catch { finish(.failure(error)) }
        }
    }
}

/// One of the threads that read, each with a connection of its own.
struct Reader: Sendable {
    let path: String
    let queue: JobQueue<ReadJob>

    /// Questions answered from one snapshot when they queue up: a held read transaction halves the cost of a point read.
    static let batchLimit = 16

    func work() {
        defer { queue.leave() }
        while let batch = queue.next(atMost: Self.batchLimit) {
            do throws(StoreError) {
                let connection = try Connection.open(path, .readOnly)
                answer(batch, on: connection)
                while let batch = queue.next(atMost: Self.batchLimit) { answer(batch, on: connection) }
                return
            } catch {
                for job in batch { job.refuse(error) }
            }
        }
    }

    /// The snapshot begins after the jobs were queued, so each sees every change its sender had been told of.
    private func answer(_ batch: [ReadJob], on connection: borrowing Connection) {
        let isShared = batch.count > 1 && (try? connection.run("BEGIN")) != nil
        for job in batch { job.run(connection) }
        if isShared { _ = try? connection.run("COMMIT") }
    }
}
