package import HTTP
package import Primitives

/// The rest of a call that goes on as a task (mcp.md §3.9).
package struct TaskWork: Sendable {
    /// How a task ended. Failures of the tool itself are results with `isError`; `failed` is for errors of the protocol.
    package enum End: Sendable {
        case completed(ToolResult)
        case failed(RPCError)
    }

    /// How often a client should ask, in milliseconds.
    package let pollInterval: Int
    /// Runs in the background. Its task is cancelled by `tasks/cancel` and when the time to live is over.
    package let run: @Sendable (TaskContext) async -> End

    package init(pollInterval: Int = 500, run: @escaping @Sendable (TaskContext) async -> End) {
        self.pollInterval = pollInterval
        self.run = run
    }
}

/// What the work of a task may use.
package struct TaskContext: Sendable {
    package let sleeper: any Sleeper
    let record: TaskRecord

    /// Asks the client and waits until every question is answered, one by one if it likes.
    /// - Parameter requests: keys unique for the life of the task.
    /// - Returns: nil when the task was cancelled meanwhile, or its client cannot be asked this.
    package func ask(_ requests: [(key: String, request: InputRequest)]) async -> JSONObject? { await record.ask(requests) }

    /// Says in words how far it is.
    package func note(_ message: String) { record.note(message) }
}
