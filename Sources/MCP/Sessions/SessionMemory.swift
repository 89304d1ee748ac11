internal import Primitives
internal import Synchronization

/// What lives with a legacy session in this process: questions to its client, calls it may cancel, streams it may resume, resources
/// it watches. All of it bounded; none of it is authority.
final class SessionMemory: Sendable {
    static let maximumQuestions = 64
    static let maximumStreams = 32
    static let maximumWatched = 256
    /// How long a finished stream can be resumed (mcp.md §4.4).
    static let retention = Duration.seconds(300)

    private struct State {
        var nextQuestion = 1
        var questions: [Int: CheckedContinuation<JSONValue?, Never>] = [:]
        var calls: [RPCID: @Sendable () -> Void] = [:]
        var nextStream = 1
        var streams: [Int: ReplayLog] = [:]
        var standalone: OpenStream?
        var watched: Set<String> = []
        var logLevel: LogLevel?
        var isEnded = false
        var lastUse: MonotonicTime

        mutating func forgetStreams(_ now: MonotonicTime) {
            streams = streams.filter { $0.value.finishedAt.map { now - $0 < SessionMemory.retention } ?? true }
        }
    }

    private let state: Mutex<State>

    init(at now: MonotonicTime) { state = Mutex(State(lastUse: now)) }

    var lastUse: MonotonicTime { state.withLock { $0.lastUse } }

    func touch(at now: MonotonicTime) { state.withLock { $0.lastUse = now } }

    /// Something waits here for the client or for a call.
    func isBusy(at now: MonotonicTime) -> Bool {
        state.withLock { state in
            state.forgetStreams(now)
            return !state.questions.isEmpty || !state.calls.isEmpty || state.standalone != nil || !state.streams.isEmpty
        }
    }

    /// Nothing is lost that its client would miss: nothing is open, and what it asked to watch it no longer listens for.
    func isForgettable(at now: MonotonicTime) -> Bool {
        guard !isBusy(at: now) else { return false }
        return state.withLock { state in
            now - state.lastUse > (state.watched.isEmpty && state.logLevel == nil ? Self.retention : .seconds(86_400))
        }
    }

    /// What `logging/setLevel` asked for; nil sends nothing.
    var logLevel: LogLevel? {
        get { state.withLock { $0.logLevel } }
        set { state.withLock { $0.logLevel = newValue } }
    }

    // MARK: Questions to the client

    /// Sends one question under a fresh id and waits for its answer. Nil when the client does not answer, answers with an error,
    /// or the waiting task is cancelled.
    func ask(_ send: (Int) -> Void, atMost limit: Duration, _ expire: @escaping @Sendable (Duration) async -> Void) async
        -> JSONValue?
    {
        let id = state.withLock { state in
            defer { state.nextQuestion += 1 }
            return state.nextQuestion
        }
        return await withTaskGroup(of: JSONValue?.self) { group in
            // The wait is registered before the question leaves, so that no answer can come too early.
            await withCheckedContinuation { (isWaiting: CheckedContinuation<Void, Never>) in
                group.addTask { await self.wait(for: id) { isWaiting.resume() } }
            }
            send(id)
            group.addTask {
                await expire(limit)
                return nil
            }
            let answer = await group.next() ?? nil
            group.cancelAll()
            return answer
        }
    }

    private func wait(for id: Int, isWaiting: () -> Void) async -> JSONValue? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRefused = state.withLock { state in
                    if Task.isCancelled || state.isEnded || state.questions.count >= Self.maximumQuestions { return true }
                    state.questions[id] = continuation
                    return false
                }
                isWaiting()
                if isRefused { continuation.resume(returning: nil) }
            }
        } onCancel: {
            answer(id, nil)
        }
    }

    /// Takes the client's answer to a question. Answers nobody waits for are dropped.
    func answer(_ id: Int, _ result: JSONValue?) {
        state.withLock { $0.questions.removeValue(forKey: id) }?.resume(returning: result)
    }

    // MARK: Calls

    /// Remembers how to cancel a call until `endCall`.
    func beginCall(_ id: RPCID, cancel: @escaping @Sendable () -> Void) { state.withLock { $0.calls[id] = cancel } }

    func endCall(_ id: RPCID) { state.withLock { $0.calls[id] = nil } }

    /// Cancels a call on the client's word. Unknown ids do nothing (mcp.md §4.4).
    func cancel(_ id: RPCID) { state.withLock { $0.calls.removeValue(forKey: id) }?() }

    // MARK: Streams

    /// A new stream that can be resumed. Streams that ended long ago are forgotten, then the oldest.
    func openLog() -> ReplayLog {
        let now = MonotonicTime.now()
        return state.withLock { state in
            state.forgetStreams(now)
            while state.streams.count >= Self.maximumStreams, let oldest = state.streams.keys.min() { state.streams[oldest] = nil }
            let log = ReplayLog(name: state.nextStream)
            state.nextStream += 1
            state.streams[log.name] = log
            return log
        }
    }

    /// The stream and event an id of ours names; nil for any other.
    func place(of eventID: String) -> (log: ReplayLog, number: Int)? {
        let parts = eventID.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let name = Int(parts[0]), let number = Int(parts[1]) else { return nil }
        return state.withLock { $0.streams[name] }.map { ($0, number) }
    }

    /// Takes the one place for a stream beside requests. False when it is taken.
    func takeStandalone(_ stream: OpenStream) -> Bool {
        state.withLock { state in
            guard state.standalone == nil, !state.isEnded else { return false }
            state.standalone = stream
            return true
        }
    }

    func leaveStandalone(_ stream: OpenStream) {
        state.withLock { if $0.standalone === stream { $0.standalone = nil } }
    }

    // MARK: Watched resources

    /// False when too many are watched.
    func watch(_ uri: String) -> Bool {
        state.withLock { state in
            guard state.watched.contains(uri) || state.watched.count < Self.maximumWatched else { return false }
            state.watched.insert(uri)
            return true
        }
    }

    func unwatch(_ uri: String) { state.withLock { _ = $0.watched.remove(uri) } }

    func isWatching(_ uri: String) -> Bool { state.withLock { $0.watched.contains(uri) } }

    /// Ends everything: waiting questions have no answer, calls are cancelled, the stream closes.
    func end() {
        let former = state.withLock { state in
            defer {
                state = State(lastUse: state.lastUse)
                state.isEnded = true
            }
            return state
        }
        for waiter in former.questions.values { waiter.resume(returning: nil) }
        for cancel in former.calls.values { cancel() }
        former.standalone?.send(.gone)
    }
}
