internal import Glibc
internal import Synchronization

/// A few threads for work that blocks (password hashing, disk reads, name lookup), so that no event loop ever does.
/// The queue is bounded: when it is full the caller is told at once instead of waiting without end.
package final class BlockingPool: Sendable {
    /// The queue was full, or the pool has stopped.
    package enum Refusal: Error, Sendable { case full, stopped }

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var head = 0
        var isStopped = false
        var queued: Int { jobs.count - head }
    }

    private let state: Monitor<State>
    private let queueLimit: Int

    /// - Parameters:
    ///   - threads: how many run at once, at least 1.
    ///   - queueLimit: how many jobs may wait beyond those running.
    package init(threads: Int, queueLimit: Int) {
        let state = Monitor(State())
        self.state = state
        self.queueLimit = queueLimit
        for _ in 0..<max(1, threads) { startThread { Self.work(state) } }
    }

    deinit { stop() }

    /// Lets the threads end after the jobs already queued. Later calls to `run` throw `.stopped`.
    package func stop() {
        state.update(wakeAll: true) { $0.isStopped = true }
    }

    /// Runs `body` on one of the threads and suspends the caller until it is done. The caller resumes on its own executor.
    /// - Throws: `Refusal` without running `body`, or what `body` throws.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            let refusal: Refusal? = state.update { state in
                guard !state.isStopped else { return .stopped }
                guard state.queued < queueLimit else { return .full }
                state.jobs.append { continuation.resume(with: Result(catching: body)) }
                return nil
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    private static func work(_ state: Monitor<State>) {
        while let job = nextJob(state) { job() }
    }

    private static func nextJob(_ state: Monitor<State>) -> (@Sendable () -> Void)? {
        state.wait { state in
            guard state.head < state.jobs.count else { return state.isStopped ? .some(nil) : nil }
            let job = state.jobs[state.head]
            state.head += 1
            if state.head == state.jobs.count {
                state.jobs.removeAll(keepingCapacity: true)
                state.head = 0
            }
            return .some(job)
        }
    }
}

/// State behind a pthread mutex with a condition to wait on: what `Mutex` lacks.
@safe package final class Monitor<State>: @unchecked Sendable {
    // Sendable: `state` is only touched between lock and unlock of `mutex`; the two pthread objects never move.
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(_ state: consuming sending State) {
        self.state = state
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(condition)
        unsafe mutex.deallocate()
        unsafe condition.deallocate()
    }

    /// Changes the state and wakes one waiter (or all).
    package func update<R>(wakeAll: Bool = false, _ body: (inout State) -> R) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer {
            if wakeAll { unsafe pthread_cond_broadcast(condition) } else { unsafe pthread_cond_signal(condition) }
            unsafe pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Changes the state, and wakes a waiter only where the body says so.
    package func updateQuietly<R>(_ body: (inout State) -> (result: R, wakes: Bool)) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        let (result, wakes) = body(&state)
        if wakes { unsafe pthread_cond_signal(condition) }
        return result
    }

    /// Blocks the thread until `body` returns a value. Only for threads of our own, never on an event loop.
    package func wait<R>(until body: (inout State) -> R?) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            unsafe pthread_cond_wait(condition, mutex)
        }
    }

    /// Blocks the thread until `body` returns a value or the time is over; then nil.
    package func wait<R>(atMost duration: Duration, until body: (inout State) -> R?) -> R? {
        var limit = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &limit)
        let (seconds, attoseconds) = duration.components
        let nanoseconds = limit.tv_nsec + Int(attoseconds / 1_000_000_000)
        limit.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        limit.tv_nsec = nanoseconds % 1_000_000_000
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if unsafe pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { return body(&state) }
        }
    }
}

/// Starts a detached thread with a 512 KiB stack. The body owns whatever it captures until it returns.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    unsafe pthread_attr_setstacksize(&attributes, 512 * 1024)
    var thread = pthread_t()
    let box = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    let code = unsafe pthread_create(
        &thread, &attributes,
        { raw in
            unsafe Unmanaged<ThreadBody>.fromOpaque(raw.unsafelyUnwrapped).takeRetainedValue().body()
            return nil
        }, box)
    unsafe pthread_attr_destroy(&attributes)
    precondition(code == 0, "the system refused a thread: raise its limit of processes")
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
