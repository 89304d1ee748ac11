internal import HTTP
internal import Primitives
internal import Synchronization

/// One task of one user: its state, what it asks, how it ended.
package final class TaskRecord: Sendable {
    /// The process's own name of a task, never shown.
    package struct ID: Sendable, Hashable { let number: Int }

    /// Wire values of `status`.
    enum Status: String, Sendable {
        case working, completed, failed, cancelled
        case inputRequired = "input_required"

        var isTerminal: Bool { self == .completed || self == .failed || self == .cancelled }
    }

    private struct State {
        var status = Status.working
        var message: String?
        var updated: Timestamp
        var questions: [(key: String, request: InputRequest)] = []
        var answers = JSONObject()
        var result: ToolResult?
        var error: RPCError?
        var waiter: CheckedContinuation<JSONObject?, Never>?
        var isCancelled = false
    }

    let id: ID
    /// The tool it came from: whoever may no longer call that may not see the task either.
    let tool: Tool
    /// What its client declared when it began: nothing else is asked (mcp.md §3.6).
    private let client: ClientCapabilities
    let created: Timestamp
    let pollInterval: Int
    private let clock: @Sendable () -> Timestamp
    private let onChange: @Sendable (ID) -> Void
    private let state: Mutex<State>
    private let work = Mutex<Task<Void, Never>?>(nil)

    init(
        _ id: ID, _ tool: Tool, _ client: ClientCapabilities, pollInterval: Int, clock: @escaping @Sendable () -> Timestamp,
        onChange: @escaping @Sendable (ID) -> Void
    ) {
        self.id = id
        self.tool = tool
        self.client = client
        self.pollInterval = pollInterval
        self.clock = clock
        self.onChange = onChange
        created = clock()
        state = Mutex(State(updated: created))
    }

    var status: Status { state.withLock { $0.status } }
    /// When it last changed.
    var updated: Timestamp { state.withLock { $0.updated } }

    /// Starts the work. Awaited by nobody: it ends by itself or by `cancel`.
    func start(_ task: TaskWork, sleeper: any Sleeper, on executor: (any TaskExecutor)?) {
        let running = Task(executorPreference: executor) {
            switch await task.run(TaskContext(sleeper: sleeper, record: self)) {
            case .completed(let result): self.finish(.completed) { $0.result = result }
            case .failed(let error): self.finish(.failed) { $0.error = error }
            }
        }
        work.withLock { $0 = running }
    }

    private func finish(_ status: Status, _ change: (inout State) -> Void) {
        let isChanged = state.withLock { state in
            guard !state.status.isTerminal else { return false }
            state.status = state.isCancelled ? .cancelled : status
            state.questions = []
            state.updated = clock()
            if !state.isCancelled { change(&state) }
            return true
        }
        if isChanged { onChange(id) }
    }

    func note(_ message: String) {
        state.withLock { state in
            state.message = message
            state.updated = clock()
        }
        onChange(id)
    }

    /// Asks the work to stop; a task that has ended does not mind.
    func cancel() {
        let waiter = state.withLock { state -> CheckedContinuation<JSONObject?, Never>? in
            guard !state.status.isTerminal else { return nil }
            state.isCancelled = true
            defer { state.waiter = nil }
            return state.waiter
        }
        finish(.cancelled) { _ in }
        waiter?.resume(returning: nil)
        work.withLock { $0 }?.cancel()
    }

    // MARK: Questions

    func ask(_ requests: [(key: String, request: InputRequest)]) async -> JSONObject? {
        guard !requests.isEmpty else { return JSONObject() }
        guard InputNeed(requests).needs.isSubset(of: client) else { return nil }
        return await withCheckedContinuation { continuation in
            let isAsked = state.withLock { state in
                guard !state.status.isTerminal, !state.isCancelled else { return false }
                state.status = .inputRequired
                state.questions = requests
                state.answers = JSONObject()
                state.updated = clock()
                state.waiter = continuation
                return true
            }
            guard isAsked else { return continuation.resume(returning: nil) }
            onChange(id)
        }
    }

    /// Takes answers; those to unknown or answered questions are ignored (mcp.md §3.9). The work goes on with the last one.
    func answer(_ responses: JSONObject) {
        let (waiter, answers, isChanged) = state.withLock { state in
            var isChanged = false
            for member in responses.members {
                guard let place = state.questions.firstIndex(where: { $0.key == member.key }) else { continue }
                state.questions.remove(at: place)
                state.answers[member.key] = member.value
                isChanged = true
            }
            guard isChanged, state.questions.isEmpty, let waiter = state.waiter else {
                return (CheckedContinuation<JSONObject?, Never>?.none, JSONObject(), isChanged)
            }
            state.status = .working
            state.updated = clock()
            state.waiter = nil
            return (waiter, state.answers, true)
        }
        waiter?.resume(returning: answers)
        if isChanged { onChange(id) }
    }

    // MARK: On the wire

    /// The members of a task object. - Parameter isDetailed: with result, error or questions, as `tasks/get` shows it.
    func members(handle: String, isDetailed: Bool) -> JSONObject {
        state.withLock { state in
            var object = JSONObject([("taskId", .string(handle)), ("status", .string(state.status.rawValue))])
            if let message = state.message { object.append("statusMessage", .string(message)) }
            object.append("createdAt", .string(created.rfc3339))
            object.append("lastUpdatedAt", .string(state.updated.rfc3339))
            object.append("ttlMs", .int(TaskHub.timeToLive.milliseconds))
            object.append("pollIntervalMs", .int(pollInterval))
            guard isDetailed else { return object }
            if !state.questions.isEmpty {
                object.append("inputRequests", .object(JSONObject(state.questions.map { ($0.key, $0.request.embedded) })))
            }
            if let result = state.result { object.append("result", result.json) }
            if let error = state.error { object.append("error", error.json) }
            return object
        }
    }
}
