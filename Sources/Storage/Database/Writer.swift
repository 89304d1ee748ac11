internal import OAuth
internal import Primitives

/// A change waiting for the writer.
struct WriteJob: QueuedJob {
    /// What a job came to, held back until the commit.
    struct Outcome {
        let isSuccess: Bool
        /// Tells the sender: what the job returned or threw, or the error that undid it.
        let finish: (StoreError?) -> Void
    }

    let queuedAt: MonotonicTime
    let run: @Sendable (borrowing Transaction) -> Outcome
    let refuse: @Sendable (StoreError) -> Void

    init<T: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws(StoreError) -> T,
        _ finish: @escaping @Sendable (Result<T, StoreError>) -> Void
    ) {
        queuedAt = .now()
        refuse = { finish(.failure($0)) }
        run = { transaction in
            do throws(StoreError) {
                let value = try body(transaction)
                return Outcome(isSuccess: true) { failure in finish(failure.map { .failure($0) } ?? .success(value)) }
            } catch {
                return Outcome(isSuccess: false) { _ in finish(.failure(error)) }
            }
        }
    }
}

/// The one thread that writes: it takes whatever is queued, runs it in one transaction, commits once and then tells all
/// senders. Batches arise from load alone; a lone job never waits for company.
struct Writer: Sendable {
    let path: String
    let queue: JobQueue<WriteJob>
    let epoch: RevocationEpoch
    let tally: WriteTally

    /// Bounds how long a transaction can hold the file against other processes.
    static let batchLimit = 512

    func work() {
        defer { queue.leave() }
        while let batch = queue.next(atMost: Self.batchLimit) {
            do throws(StoreError) {
                let transaction = Transaction(on: try Connection.open(path, .readWrite))
                commit(batch[...], on: transaction)
                while let batch = queue.next(atMost: Self.batchLimit) { commit(batch[...], on: transaction) }
                return
            } catch {
                for job in batch { job.refuse(error) }
            }
        }
    }

    private func commit(_ batch: ArraySlice<WriteJob>, on transaction: borrowing Transaction) {
        var rest = batch
        while !rest.isEmpty { rest = commitSome(of: rest, on: transaction) }
    }

    /// One transaction. Returns what is left to do in another, because SQLite undid this one midway.
    private func commitSome(of batch: ArraySlice<WriteJob>, on transaction: borrowing Transaction) -> ArraySlice<WriteJob> {
        do throws(StoreError) { try transaction.run("BEGIN IMMEDIATE") } catch {
            tally.failed()
            for job in batch { job.refuse(error) }
            return []
        }
        var outcomes: [WriteJob.Outcome] = []
        var aftermath = Transaction.Aftermath()
        for index in batch.indices {
            let outcome = run(batch[index], on: transaction, &aftermath)
            outcomes.append(outcome)
            guard transaction.isOpen else {
                tally.failed()
                finish(outcomes, StoreError(.cannotWrite, "the transaction was rolled back"))
                return batch[(index + 1)...]
            }
        }
        end(transaction, outcomes, aftermath)
        return []
    }

    /// A failing job undoes itself and nothing else.
    private func run(
        _ job: WriteJob, on transaction: borrowing Transaction, _ aftermath: inout Transaction.Aftermath
    ) -> WriteJob.Outcome {
        do throws(StoreError) {
            try transaction.run("SAVEPOINT job")
            let outcome = job.run(transaction)
            let noted = transaction.takeAftermath()
            guard transaction.isOpen else { return outcome }
            if outcome.isSuccess {
                aftermath.add(noted)
            } else {
                try transaction.run("ROLLBACK TO job")
            }
            try transaction.run("RELEASE job")
            return outcome
        } catch {
            _ = try? transaction.run("ROLLBACK")
            return WriteJob.Outcome(isSuccess: false) { _ in job.refuse(error) }
        }
    }

    private func end(_ transaction: borrowing Transaction, _ outcomes: [WriteJob.Outcome], _ aftermath: Transaction.Aftermath) {
        do throws(StoreError) {
            try transaction.run("COMMIT")
            tally.committed(outcomes.count)
            // Before any sender goes on: its next request must already see the change.
            if let newest = aftermath.epoch { epoch.advance(to: newest) }
            // Best effort: a reader elsewhere may hold the log; the next checkpoint finishes it.
            if aftermath.isErasing { _ = try? transaction.run("PRAGMA wal_checkpoint(TRUNCATE)") }
            finish(outcomes, nil)
        } catch {
            if transaction.isOpen { _ = try? transaction.run("ROLLBACK") }
            tally.failed()
            finish(outcomes, error)
        }
    }

    private func finish(_ outcomes: [WriteJob.Outcome], _ failure: StoreError?) {
        for outcome in outcomes { outcome.finish(failure) }
    }
}
