internal import OAuth
internal import Primitives

/// A job with what tells its sender that it will not run.
protocol QueuedJob: Sendable {
    var queuedAt: MonotonicTime { get }
    var refuse: @Sendable (StoreError) -> Void { get }
}

/// Jobs on their way to the threads that serve them. Bounded in number and in waiting time, so that overload is told at once
/// instead of piling up.
final class JobQueue<Job: QueuedJob>: Sendable {
    private struct State {
        var jobs: [Job] = []
        var isClosed = false
        var threads: Int
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    /// A job that waited longer is refused: its sender has given up by then.
    private static var patience: Int64 { 5_000_000_000 }  // nanoseconds

    private let state: Monitor<State>
    private let limit: Int

    /// - Parameters:
    ///   - limit: jobs waiting beyond those running; more are refused.
    ///   - threads: how many will call `next` until it returns nil, and then `leave`.
    init(limit: Int, threads: Int) {
        self.limit = limit
        state = Monitor(State(threads: threads))
    }

    /// Queues the job, or refuses it.
    func append(_ job: Job) {
        let refusal: StoreError? = state.update { state in
            guard !state.isClosed else { return StoreError(.unavailable, "the database is closed") }
            guard state.jobs.count < limit else { return StoreError(.unavailable, "too many database calls are waiting") }
            state.jobs.append(job)
            return nil
        }
        if let refusal { job.refuse(refusal) }
    }

    var count: Int { state.update { $0.jobs.count } }

    /// Blocks until there are jobs; nil once the queue is closed and empty.
    func next(atMost count: Int) -> [Job]? {
        let batch: [Job]? = state.wait { state in
            guard !state.jobs.isEmpty else { return state.isClosed ? .some(nil) : nil }
            if state.jobs.count <= count {
                defer { state.jobs = [] }
                return .some(state.jobs)
            }
            defer { state.jobs.removeFirst(count) }
            return .some(Array(state.jobs.prefix(count)))
        }
        return batch.map(withoutStale)
    }

    private func withoutStale(_ batch: [Job]) -> [Job] {
        let oldest = MonotonicTime(nanoseconds: MonotonicTime.now().nanoseconds - Self.patience)
        return batch.filter { job in
            guard job.queuedAt < oldest else { return true }
            job.refuse(StoreError(.unavailable, "the database is too slow"))
            return false
        }
    }

    /// Called by each thread when `next` gave nil.
    func leave() {
        let closers = state.update { state -> [CheckedContinuation<Void, Never>] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    /// Takes no more jobs; the threads end after those queued.
    func close() {
        state.update(wakeAll: true) { $0.isClosed = true }
    }

    /// Returns when the threads have left.
    func closed() async {
        await withCheckedContinuation { continuation in
            let isOver = state.update(wakeAll: true) { state in
                guard state.threads > 0 else { return true }
                state.closers.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
