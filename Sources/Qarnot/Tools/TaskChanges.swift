internal import HTTP
internal import MCP
internal import Policy
internal import Primitives

extension QarnotEngine {
    var submitTasks: Tool {
        let result = Schema.object([
            ("index", Schema.integer("Place in `tasks`.")), ("uuid", Schema.nullable("string", "UUID, when accepted.")),
            ("shortname", Schema.string("Short name.")),
            ("status_code", Schema.nullable("integer", "Qarnot's status for this task; null when it gave none.")),
            ("message", Schema.nullable("string", "Why it was refused.")),
        ])
        return tool(
            ToolDefinition(
                "submit_tasks", title: "Submit several tasks",
                description:
                    "Submits up to 50 tasks to Qarnot in one request; each runs and costs credits. Every task is accepted or refused by itself: look at each result.",
                input: Schema.object(
                    [
                        (
                            "tasks",
                            Schema.array(
                                Schema.object(Self.taskArguments, required: ["name"]), "Tasks, as for submit_task.", maximum: 50)
                        )
                    ], required: ["tasks"]),
                output: Schema.output([("results", Schema.array(result, "One for each task, in order."))], required: ["results"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            var tasks: [TaskCreation] = []
            for element in arguments["tasks"]?.array ?? [] { tasks.append(try TaskCreation(element.object ?? JSONObject())) }
            guard !tasks.isEmpty else {
                throw QarnotFailure(.invalidArguments, "Invalid arguments: tasks must not be empty.", fields: ["tasks"])
            }
            guard Set(tasks.map(\.shortname)).count == tasks.count else {
                throw QarnotFailure(.invalidArguments, "Invalid arguments: two tasks have the same shortname.", fields: ["tasks"])
            }
            var orders: [ComputeOrder] = []
            for task in tasks { orders.append(try await session.order(of: task)) }
            try await session.admit(orders, as: "submit_tasks")
            return ["results": .array(try await session.submit(tasks))]
        }
    }

    var updateTask: Tool {
        tool(
            ToolDefinition(
                "update_task", title: "Update a task",
                description: "Replaces the tags or the constants of a task. Nothing else of a task can change.",
                input: Schema.object(
                    Self.taskID + [("tags", Schema.tags), ("constants", Schema.constants)], required: ["task_uuid"]),
                output: Schema.output(
                    [("task", ["type": "object", "description": "The task as Qarnot returns it."])], required: ["task"]),
                .changing, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["task_uuid"]?.string ?? ""
            guard arguments["tags"] != nil || arguments["constants"] != nil else {
                throw QarnotFailure(.invalidArguments, "Invalid arguments: give tags or constants.", fields: ["tags", "constants"])
            }
            // Tags go along even unchanged: a member left out of a PUT may count as emptied.
            let current = try await session.task(id).json
            try await session.admitChange(of: current, constants: arguments["constants"], as: "update_task")
            var body = JSONObject([("tags", arguments["tags"] ?? current["tags"] ?? [])])
            body["constants"] = arguments["constants"]
            try await session.send(.put, ["tasks", id], body: .object(body), purpose: .change)
            return ["task": try await session.task(id).json]
        }
    }

    var syncTaskResources: Tool {
        tool(
            ToolDefinition(
                "sync_task_resources", title: "Sync a task's resources",
                description:
                    "Copies files newly added to a running task's resource buckets to its instances. Files are added, never removed.",
                input: Schema.object(Self.taskID, required: ["task_uuid"]), output: Self.accepted, .changing, .execute)
        ) { arguments, session throws(QarnotFailure) in
            try await session.send(.patch, ["tasks", arguments["task_uuid"]?.string ?? ""], purpose: .change)
            return ["accepted": true]
        }
    }

    static let accepted = Schema.output([("accepted", Schema.boolean("True."))], required: ["accepted"])
}

extension QarnotSession {
    /// One request for all; when its answer is lost, each short name tells whether its task was taken. Never repeated.
    fileprivate func submit(_ tasks: [TaskCreation]) async throws(QarnotFailure) -> [JSONValue] {
        let outcomes: [JSONValue]
        do throws(QarnotFailure) {
            let body = JSONValue.array(tasks.map { .object($0.json) })
            outcomes = try await send(.post, ["tasks"], body: body, .unlessSent, purpose: .create).json().array ?? []
        } catch {
            guard error.isRetryable else { throw error }
            return try await lookUp(tasks, after: error)
        }
        guard outcomes.count == tasks.count else { return try await lookUp(tasks, after: nil) }
        return tasks.enumerated().map { index, task in
            let outcome = outcomes[index]
            return Self.result(index, task, outcome["uuid"]?.string, outcome["statusCode"]?.int, outcome["message"]?.string)
        }
    }

    private func lookUp(_ tasks: [TaskCreation], after failure: QarnotFailure?) async throws(QarnotFailure) -> [JSONValue] {
        var results: [JSONValue] = []
        var found = 0
        for (index, task) in tasks.enumerated() {
            do throws(QarnotFailure) {
                let uuid = try await self.task(task.shortname).uuid
                found += 1
                results.append(Self.result(index, task, uuid, nil, nil))
            } catch {
                switch error.code {
                case .notFound: results.append(Self.result(index, task, nil, failure?.status, "Qarnot did not take this task."))
                case .cancelled, .tokenRejected: throw error
                default:
                    let text = "Whether this task was accepted is unknown: look for its shortname before submitting it again."
                    results.append(Self.result(index, task, nil, failure?.status, text))
                    found += 1
                }
            }
        }
        if found == 0, let failure { throw failure }
        return results
    }

    private static func result(_ index: Int, _ task: TaskCreation, _ uuid: String?, _ status: Int?, _ message: String?) -> JSONValue
    {
        [
            "index": .int(index), "uuid": .string(orNull: uuid), "shortname": .string(task.shortname),
            "status_code": status.map { .int($0) } ?? .null, "message": .string(orNull: message),
        ]
    }
}
