internal import CLinux
internal import Glibc
package import Primitives
internal import Synchronization

/// One epoll thread that runs tasks: as a task executor for everything started with `executorPreference`, and as the
/// serial executor of the actors that own the loop's world (R1, R2).
///
/// Sendable: `inbox` has a lock and `let`s do not change; every other property is touched by `thread` alone, which each
/// door from outside makes sure of by going through `perform`.
@safe package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var calls: [@Sendable () -> Void] = []
        var isSignalled = false
        var isStopping = false
        var enqueues = 0
    }

    /// Position in its group, below the group's count.
    package let index: Int
    let epoll: CInt
    private let wakeup: CInt
    // A pthread mutex rather than `Mutex`: the thread sanitizer understands it, and off-loop calls are rare.
    private let inbox = Monitor(Inbox())
    private let phase = Monitor(Phase.starting)
    private enum Phase { case starting, running, stopped }

    private var thread = pthread_t()
    private var ready = JobRing()
    var sockets = SocketTable()
    private var timers = TimerHeap()
    private var turnEnds: [() -> Void] = []
    private var sleepers: [UInt64: UnsafeContinuation<Bool, Never>] = unsafe [:]
    private let sleepCounter = Atomic<UInt64>(0)
    private let turnCounter = Atomic<UInt64>(0)
    private let busyCounter = Atomic<UInt64>(0)
    /// The clock as of the last return from the kernel: good enough for deadlines, free to read.
    private(set) var turnTime = MonotonicTime.now()

    /// - Throws: `SocketError` when the process has no descriptors left.
    package init(index: Int) throws(SocketError) {
        self.index = index
        epoll = gh_epoll_create()
        wakeup = gh_eventfd()
        guard epoll >= 0, wakeup >= 0, gh_epoll_add(epoll, wakeup, Self.wakeupToken) == 0 else {
            throw SocketError(.resources, errno: errno)
        }
        startThread { [self] in run() }
        phase.wait { $0 == .starting ? nil : () }
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// True on the loop's own thread.
    package var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// The clock as the loop last read it. Only for code running on the loop.
    package var now: MonotonicTime { isCurrent ? turnTime : .now() }

    /// How often another thread had to hand over work; must not grow with requests.
    package var remoteEnqueues: Int { inbox.update { $0.enqueues } }

    /// How often the loop came back from the kernel; any thread may ask.
    package var turns: UInt64 { turnCounter.load(ordering: .relaxed) }

    /// How long it worked in between; any thread may ask.
    package var busyNanoseconds: UInt64 { busyCounter.load(ordering: .relaxed) }

    /// Wakes every waiter with an error, lets what is runnable run, and ends the thread. Returns when it has ended; not for
    /// calls from the loop itself.
    package func stop() {
        precondition(!isCurrent, "a loop cannot wait for its own end")
        let wasStopping = inbox.update { inbox in
            defer { inbox.isStopping = true }
            return inbox.isStopping
        }
        if !wasStopping { signal() }
        phase.wait { $0 == .stopped ? () : nil }
    }

    /// Has the allocator give freed pages back to the system. Takes milliseconds on a large heap: seldom, when idle.
    package static func returnFreedMemory() { gh_malloc_trim() }

    // MARK: Executors

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ready.push(job)
            return
        }
        let mustSignal = inbox.update { inbox in
            inbox.jobs.append(job)
            inbox.enqueues += 1
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled
        }
        if mustSignal { signal() }
    }

    package func checkIsolated() {
        precondition(isCurrent, "code of an event loop ran on another thread")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    /// Runs a short synchronous call on the loop's thread: at once when already there, else soon.
    package func perform(_ call: @escaping @Sendable () -> Void) {
        if isCurrent {
            call()
            return
        }
        let mustSignal = inbox.update { inbox in
            inbox.calls.append(call)
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled
        }
        if mustSignal { signal() }
    }

    /// Runs a call once, when everything that is ready now has run and before the loop asks the kernel again: for work that
    /// is cheaper done once for all of a turn. Only on the loop.
    package func atEndOfTurn(_ call: @escaping () -> Void) {
        checkIsolated()
        turnEnds.append(call)
    }

    // MARK: Turns

    private static let wakeupToken = UInt64.max
    private static let sleepBit = UInt64(1) << 63
    private static let batch = 256

    private func run() {
        thread = pthread_self()
        phase.update(wakeAll: true) { $0 = .running }
        let serial = unsafe asUnownedSerialExecutor()
        let task = unsafe asUnownedTaskExecutor()
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.batch)
        defer { unsafe events.deallocate() }
        while true {
            // Only what is ready now, so that a task that keeps yielding cannot keep the sockets waiting.
            for _ in 0..<ready.count {
                guard let job = ready.pop() else { break }
                unsafe job.runSynchronously(isolatedTo: serial, taskExecutor: task)
            }
            endTurn()
            countTurn()
            if unsafe !poll(into: unsafe UnsafeMutableBufferPointer(start: events, count: Self.batch)) { break }
        }
        phase.update(wakeAll: true) { $0 = .stopped }
    }

    /// The loop is the only one who writes: plain stores, no contended addition.
    private func countTurn() {
        let worked = max(0, MonotonicTime.now().nanoseconds - turnTime.nanoseconds)
        turnCounter.store(turnCounter.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        busyCounter.store(busyCounter.load(ordering: .relaxed) &+ UInt64(worked), ordering: .relaxed)
    }

    private func endTurn() {
        guard !turnEnds.isEmpty else { return }
        let calls = turnEnds
        turnEnds.removeAll(keepingCapacity: true)
        for call in calls { call() }
    }

    /// Waits for the kernel and makes jobs of what it says. False when the loop is to end.
    private func poll(into events: UnsafeMutableBufferPointer<epoll_event>) -> Bool {
        let count = unsafe epoll_wait(epoll, events.baseAddress, CInt(events.count), pollTimeout)
        turnTime = .now()
        var wasSignalled = false
        for index in 0..<max(0, Int(count)) {
            let (token, flags) = unsafe withUnsafePointer(to: events[index]) {
                unsafe (gh_event_data($0), gh_event_flags($0))
            }
            if token == Self.wakeupToken { wasSignalled = true } else { dispatch(flags, to: token) }
        }
        fireTimers()
        return wasSignalled ? takeInbox() : true
    }

    private var pollTimeout: CInt {
        if ready.count > 0 { return 0 }
        guard let next = timers.earliest else { return -1 }
        let wait = next - MonotonicTime.now().nanoseconds
        // Rounded up: waking early would only turn the loop once more.
        return wait <= 0 ? 0 : CInt(min((wait + 999_999) / 1_000_000, 60_000))
    }

    private func dispatch(_ flags: UInt32, to token: UInt64) {
        guard let socket = unsafe sockets[token] else { return }
        let gone = flags & UInt32(GH_RDHUP | GH_HUP | GH_ERR) != 0
        if gone {
            unsafe socket.pointee.peerClosed = true
            if unsafe socket.pointee.isWorking { unsafe socket.pointee.owner?.cancel() }
        }
        if gone || flags & UInt32(GH_IN) != 0 {
            unsafe socket.pointee.readable = true
            if let waiting = unsafe socket.pointee.reader {
                unsafe socket.pointee.reader = nil
                unsafe waiting.resume(returning: .ready)
            }
        }
        if flags & UInt32(GH_OUT | GH_HUP | GH_ERR) != 0 {
            unsafe socket.pointee.writable = true
            if let waiting = unsafe socket.pointee.writer {
                unsafe socket.pointee.writer = nil
                unsafe waiting.resume(returning: .ready)
            }
        }
    }

    private func takeInbox() -> Bool {
        let (jobs, calls, isStopping) = inbox.update { inbox in
            defer {
                inbox.jobs.removeAll(keepingCapacity: true)
                inbox.calls.removeAll(keepingCapacity: true)
                inbox.isSignalled = false
            }
            return (inbox.jobs, inbox.calls, inbox.isStopping)
        }
        for call in calls { call() }
        for job in jobs { ready.push(job) }
        if isStopping { return wind() }
        return true
    }

    /// Ends every wait; true while there is still something to run.
    private func wind() -> Bool {
        sockets.wakeAll(.closed)
        while let waiting = unsafe sleepers.popFirst() { unsafe waiting.value.resume(returning: false) }
        guard ready.count > 0 else { return false }
        signal()
        return true
    }

    private func signal() {
        // Edge-triggered: each write is a new event, nobody reads the counter.
        var one: UInt64 = 1
        _ = unsafe write(wakeup, &one, 8)
    }

    // MARK: Sockets, on the loop's thread

    func register(fd: CInt) throws(SocketError) -> (token: UInt64, socket: UnsafeMutablePointer<SocketState>) {
        checkIsolated()
        let entry = unsafe sockets.insert(fd: fd)
        guard unsafe gh_epoll_add(epoll, fd, entry.token) == 0 else {
            let code = errno
            unsafe sockets.remove(entry.token)
            throw SocketError(.resources, errno: code)
        }
        return unsafe entry
    }

    /// Makes sure the socket is looked at no later than its deadline. Costs nothing while an earlier entry is armed.
    func arm(_ socket: UnsafeMutablePointer<SocketState>, token: UInt64) {
        guard unsafe socket.pointee.deadline < socket.pointee.armed else { return }
        unsafe socket.pointee.armed = socket.pointee.deadline
        timers.push(.init(time: unsafe socket.pointee.deadline, token: token))
    }

    // MARK: Timers

    private func fireTimers() {
        while let entry = timers.pop(until: turnTime.nanoseconds) {
            if entry.token & Self.sleepBit != 0 {
                if let waiting = unsafe sleepers.removeValue(forKey: entry.token) {
                    unsafe waiting.resume(returning: true)
                }
            } else if let socket = unsafe sockets[entry.token], unsafe socket.pointee.armed == entry.time {
                unsafe socket.pointee.armed = .max
                if unsafe socket.pointee.deadline <= entry.time {
                    unsafe socket.pointee.deadline = .max
                    unsafe socket.pointee.wake(.timedOut)
                } else if unsafe socket.pointee.deadline < .max {
                    unsafe arm(socket, token: entry.token)
                }
            }
        }
    }

    /// Suspends for that long without a thread. May be called from anywhere; the caller resumes on its own executor.
    /// - Throws: `CancellationError` as soon as the task is cancelled or the loop stops.
    package func sleep(for duration: Duration) async throws(CancellationError) {
        let token = sleepCounter.wrappingAdd(1, ordering: .relaxed).newValue | Self.sleepBit
        let hasElapsed = await withTaskCancellationHandler {
            unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
                unsafe startSleep(token, for: duration, continuation)
                // A cancellation before this point may have found nothing to cancel; one after it will.
                if Task.isCancelled { cancelSleep(token) }
            }
        } onCancel: {
            cancelSleep(token)
        }
        if !hasElapsed { throw CancellationError() }
    }

    private func startSleep(_ token: UInt64, for duration: Duration, _ continuation: UnsafeContinuation<Bool, Never>) {
        let end = MonotonicTime.now() + duration
        perform { [self] in
            unsafe sleepers[token] = continuation
            timers.push(.init(time: end.nanoseconds, token: token))
        }
    }

    private func cancelSleep(_ token: UInt64) {
        perform { [self] in
            guard let waiting = unsafe sleepers.removeValue(forKey: token) else { return }
            unsafe waiting.resume(returning: false)
            let live = unsafe sleepers.count + sockets.count
            if timers.count > 2 * live + 64 {
                timers.compact { entry in
                    entry.token & Self.sleepBit != 0
                        ? unsafe sleepers[entry.token] != nil
                        : unsafe sockets[entry.token]?.pointee.armed == entry.time
                }
            }
        }
    }
}
