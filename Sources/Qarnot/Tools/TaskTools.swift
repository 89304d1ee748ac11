internal import HTTP
internal import MCP
internal import Primitives

extension QarnotEngine {
    static let taskID: [(String, JSONValue)] = [("task_uuid", Schema.id("UUID or short name of the task."))]

    var getTask: Tool {
        tool(
            ToolDefinition(
                "get_task", title: "Get a task",
                description: "Shows one Qarnot task in full: state, progress, errors, results, constants.",
                input: Schema.object(Self.taskID, required: ["task_uuid"]),
                output: Schema.output(
                    [("task", ["type": "object", "description": "The task as Qarnot returns it."])], required: ["task"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            ["task": try await session.task(arguments["task_uuid"]?.string).json]
        }
    }

    static let logArguments: [(String, JSONValue)] = [
        ("log_type", Schema.string("Which stream; stdout by default.", choices: ["stdout", "stderr"])),
        ("instance_id", Schema.integer("One instance; all by default.", 0...1_000_000)),
        ("tail_bytes", Schema.integer("How much of the end.", 1...65_536, fallback: 65_536)),
    ]
    static let logResults: [(String, JSONValue)] = [
        ("log_type", Schema.string("The stream.")), ("instance_id", Schema.nullable("integer", "The instance.")),
        ("text", Schema.string("The output.")), ("truncated", Schema.boolean("True when earlier output was left out.")),
    ]

    var getTaskLogs: Tool {
        tool(
            ToolDefinition(
                "get_task_logs", aliases: ["get_logs"], title: "Get task logs",
                description:
                    "Reads the end of a task's standard output or error, of all instances or of one. Reading takes nothing away from others who follow the same output.",
                input: Schema.object(Self.taskID + Self.logArguments, required: ["task_uuid"]),
                output: Schema.output(
                    [("task_uuid", Schema.string("The task."))] + Self.logResults,
                    required: ["task_uuid", "log_type", "text", "truncated"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            try await session.log(of: "tasks", "task_uuid", arguments)
        }
    }

    private static let acknowledgement = Schema.output(
        [("status", Schema.string("`success`.")), ("message", Schema.string("What was done."))], required: ["status", "message"])

    var abortTask: Tool {
        tool(
            ToolDefinition(
                "abort_task", title: "Abort a task", description: "Stops a running Qarnot task. It cannot be continued.",
                input: Schema.object(Self.taskID + [("reason", Self.reason)], required: ["task_uuid"]),
                output: Self.acknowledgement,
                .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["task_uuid"]?.string ?? ""
            try await session.abort(id, "task")
            return ["status": "success", "message": .string("Task \(id) is being aborted.")]
        }
    }

    static let reason = Schema.string("Why; repeated in the answer, not sent to Qarnot.", maximum: 500)

    var deleteTask: Tool {
        tool(
            ToolDefinition(
                "delete_task", title: "Delete a task",
                description:
                    "Deletes a Qarnot task, aborting it first when it runs. Files in its result bucket stay, unless purge_results is given, which only administrators may.",
                input: Schema.object(
                    Self.taskID + [("purge_results", Schema.boolean("Also delete the result files of this task."))],
                    required: ["task_uuid"]), output: Self.acknowledgement, .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["task_uuid"]?.string ?? ""
            let purges = arguments["purge_results"]?.bool == true
            guard !purges || session.isAdministrator else {
                throw QarnotFailure(
                    .forbidden, "purge_results needs the scope \(Self.name):admin. Delete without it, and the files stay.",
                    fields: ["purge_results"])
            }
            let results = purges ? try await ResultFiles(of: try await session.task(id), session) : nil
            guard results?.isWholeBucket != true else {
                throw QarnotFailure(
                    .conflict, "The task does not say which files of its bucket are its own. Delete them with delete_bucket_file.",
                    fields: ["purge_results"])
            }
            try await session.noteCost(ofTask: id)
            try await session.remove(["tasks", id])
            guard let results else { return ["status": "success", "message": .string("Task \(id) is deleted.")] }
            try await results.purge(session)
            return [
                "status": "success", "message": .string("Task \(id) and its \(results.files.count) result files are deleted."),
            ]
        }
    }

    var waitForTask: Tool {
        tool(
            ToolDefinition(
                "wait_for_task", title: "Wait for a task",
                description:
                    "Waits until a task has ended or runs, or the time is over, and reports progress meanwhile. Cancelling the call stops the waiting, not the task.",
                input: Schema.object(
                    Self.taskID + [
                        ("timeout_s", Schema.integer("Seconds to wait.", 1...600, fallback: 60)),
                        ("until", Schema.string("`final` by default.", choices: ["final", "running"])),
                    ], required: ["task_uuid"]),
                output: Schema.output(
                    [
                        ("task_uuid", Schema.string("The task.")), ("state", Schema.string("Qarnot's state.")),
                        ("status", Schema.string("The state, mapped.")), ("progress", Schema.number("0 to 100.")),
                        ("timed_out", Schema.boolean("True when the time was over first.")),
                        ("error_message", Schema.nullable("string", "What went wrong in the task.")),
                    ], required: ["task_uuid", "state", "progress", "timed_out"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let patience = Duration.seconds(arguments["timeout_s"]?.int ?? 60)
            let wantsRunning = arguments["until"]?.string == "running"
            let (task, hasArrived) = try await session.wait(for: arguments["task_uuid"]?.string ?? "", atMost: patience) { task in
                task.isFinal || wantsRunning && task.status == .running
            }
            return [
                "task_uuid": .string(task.uuid), "state": .string(task.state), "status": .string(task.statusText),
                "progress": .double(task.progress), "timed_out": .bool(!hasArrived),
                "error_message": .string(orNull: task.errorMessage),
            ]
        }
    }
}

extension QarnotSession {
    /// - Throws: `.notRunning`, with the state it is in, for a task that has ended.
    func abort(_ id: String, _ noun: String) async throws(QarnotFailure) {
        do throws(QarnotFailure) {
            try await send(.post, ["tasks", id, "abort"], .unlessSent, purpose: .abort)
        } catch {
            guard error.code == .notRunning else { throw error }
            let state = try await task(id).state
            throw QarnotFailure(.notRunning, "The \(noun) has already finished (\(state)).", status: error.status)
        }
    }

    /// The end of a task's or pool's output. Never POST: it would move the cursor of whoever else reads it.
    func log(of collection: String, _ argument: String, _ arguments: JSONObject) async throws(QarnotFailure) -> JSONValue {
        let id = arguments[argument]?.string ?? ""
        let stream = arguments["log_type"]?.string ?? "stdout"
        let instance = arguments["instance_id"]?.int
        let bytes = try await text([collection, id, stream] + (instance.map { [String($0)] } ?? []))
        let tail = ResultSize.tail(bytes, arguments["tail_bytes"]?.int ?? 65_536)
        return .object(
            JSONObject([
                (argument, .string(id)), ("log_type", .string(stream)), ("instance_id", instance.map { .int($0) } ?? .null),
                ("text", .string(String(decoding: tail, as: UTF8.self))), ("truncated", .bool(tail.count < bytes.count)),
            ]))
    }

    func task(_ id: String?) async throws(QarnotFailure) -> TaskReading {
        let json = try await get("tasks", id ?? "")
        guard json["uuid"]?.string != nil else { throw QarnotFailure(.unexpectedAnswer, "Qarnot's answer is no task.") }
        return TaskReading(json)
    }

    /// Looks at a task again and again until the condition holds or the time is over, reporting each rise of its progress.
    func wait(
        for id: String, atMost patience: Duration, until hasArrived: (TaskReading) -> Bool
    ) async throws(QarnotFailure) -> (task: TaskReading, hasArrived: Bool) {
        // Time asleep and time on the wire both count, so that slow answers do not stretch the wait.
        let end = MonotonicTime.now() + patience
        var asleep = Duration.zero
        var pause = engine.settings.firstPoll
        var reported = -1.0
        while true {
            let task = try await task(id)
            if task.progress > reported {
                reported = task.progress
                await context.progress(task.progress, 100, task.state)
            }
            if hasArrived(task) { return (task, true) }
            let left = min(patience - asleep, end - .now())
            guard left > .zero else { return (task, false) }
            asleep += min(pause, left)
            try await self.pause(min(pause, left))
            pause = min(pause * 2, engine.settings.slowestPoll)
        }
    }
}
