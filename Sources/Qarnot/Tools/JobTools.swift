internal import HTTP
internal import MCP
internal import Primitives

/// Tools that call a task a job, for clients of the earlier servers. Qarnot's own jobs are groups of tasks: not these.
extension QarnotEngine {
    static let jobID: [(String, JSONValue)] = [("job_id", Schema.id("UUID of the job, as submit_job returned it."))]

    private static let status = Schema.string("The state, mapped.", choices: TaskStatus.allCases.map(\.rawValue) + ["unknown"])

    var submitJob: Tool {
        let configuration = Schema.object([
            ("docker_image", Schema.string("Image, with an optional tag.", minimum: 1, maximum: 2048)),
            ("command", Schema.string("Command to run.", minimum: 1, maximum: 2048)),
            ("script", Schema.string("Script in a resource bucket to run, instead of a command.", minimum: 1, maximum: 2048)),
            (
                "environment",
                [
                    "type": "object", "description": "Further constants, by name.",
                    "additionalProperties": ["type": ["string", "number", "boolean"]],
                ]
            ),
            ("profile", Schema.profileName),
            ("resource_buckets", Schema.resourceBuckets), ("result_bucket", Schema.bucketName), ("constants", Schema.constants),
        ])
        return tool(
            ToolDefinition(
                "submit_job", title: "Submit a job",
                description: "Submits a container job to Qarnot as a task, where it runs and costs credits.",
                input: Schema.object(
                    [
                        ("job_name", Schema.string("Name.", minimum: 1, maximum: 2048)), ("job_config", configuration),
                        ("instance_count", Schema.integer("Instances.", 1...10_000, fallback: 1)),
                        ("resource_type", Schema.string("CPU by default.", choices: ["CPU", "GPU"])),
                        ("priority", Schema.integer("Accepted, but Qarnot has no priorities.", -100...100, fallback: 0)),
                        ("tags", Schema.tags),
                    ], required: ["job_name", "job_config"]),
                output: Schema.output(
                    [
                        ("job_id", Schema.string("UUID of the task.")), ("status", Self.status),
                        ("qarnot_state", Schema.string("Qarnot's state.")),
                        ("name", Schema.string("Name.")), ("created_at", Schema.nullable("string", "When Qarnot accepted it.")),
                        ("instance_count", Schema.integer("Instances.")), ("resource_type", Schema.string("As asked.")),
                        ("warnings", Schema.array(Schema.string("Warning."), "What was not done as asked.")),
                    ], required: ["job_id", "status", "name", "created_at", "instance_count", "resource_type", "warnings"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let order = try JobOrder(arguments)
            let submitted = try await session.submit(order.creation, as: "submit_job")
            let state = submitted.task?.state ?? "Submitted"
            return [
                "job_id": .string(submitted.uuid), "status": .string(TaskStatus(state: state)?.rawValue ?? "unknown"),
                "qarnot_state": .string(state),
                "name": .string(order.creation.name), "created_at": .string(orNull: submitted.task?.text("creationDate")),
                "instance_count": .int(order.instanceCount), "resource_type": .string(order.resourceType),
                "warnings": .array(order.warnings.map { .string($0) }),
            ]
        }
    }

    var getJobStatus: Tool {
        tool(
            ToolDefinition(
                "get_job_status", title: "Get a job's status", description: "Shows how far one job, which is a task, is.",
                input: Schema.object(Self.jobID, required: ["job_id"]),
                output: Schema.output(
                    [
                        ("job_id", Schema.string("The job.")), ("name", Schema.nullable("string", "Name.")),
                        ("status", Self.status),
                        ("qarnot_state", Schema.string("Qarnot's state.")),
                        ("progress", Schema.number("0 to 100; 100 only on success.")),
                        ("created_at", Schema.nullable("string", "When it was submitted.")),
                        ("started_at", Schema.nullable("string", "When it began to execute, if known.")),
                        ("started_at_estimated", Schema.boolean("True when the start was reckoned back from the end.")),
                        ("updated_at", Schema.nullable("string", "When it last changed.")),
                        ("error_message", Schema.nullable("string", "What went wrong.")),
                    ], required: ["job_id", "status", "qarnot_state", "progress", "started_at", "updated_at", "error_message"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let task = try await session.task(arguments["job_id"]?.string)
            let started = task.started
            return [
                "job_id": .string(task.uuid), "name": .string(orNull: task.text("name")), "status": .string(task.statusText),
                "qarnot_state": .string(task.state), "progress": .double(task.progress),
                "created_at": .string(orNull: task.text("creationDate")), "started_at": .string(orNull: started.at),
                "started_at_estimated": .bool(started.isEstimated), "updated_at": .string(orNull: task.text("lastModified")),
                "error_message": .string(orNull: task.errorMessage),
            ]
        }
    }

    var cancelJob: Tool {
        tool(
            ToolDefinition(
                "cancel_job", title: "Cancel a job", description: "Stops a running job and waits a few seconds to see it stopped.",
                input: Schema.object(Self.jobID + [("reason", Self.reason)], required: ["job_id"]),
                output: Schema.output(
                    [
                        ("job_id", Schema.string("The job.")),
                        ("status", Schema.string("`cancelled` once it is, else `cancelling`.")),
                        ("qarnot_state", Schema.string("Qarnot's state.")),
                        ("cancelled_at", Schema.nullable("string", "When it was cancelled.")),
                        ("reason", Schema.nullable("string", "As given; not sent to Qarnot.")),
                    ], required: ["job_id", "status", "cancelled_at"]),
                .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["job_id"]?.string ?? ""
            try await session.abort(id, "job")
            let (task, _) = try await session.wait(for: id, atMost: cancelPatience(session)) { $0.isFinal }
            let isCancelled = task.state == "Cancelled"
            return [
                "job_id": .string(task.uuid), "status": .string(task.isFinal ? task.statusText : "cancelling"),
                "qarnot_state": .string(task.state),
                "cancelled_at": .string(orNull: isCancelled ? task.text("stateTransitionTime") : nil),
                "reason": arguments["reason"] ?? .null,
            ]
        }
    }

    private func cancelPatience(_ session: QarnotSession) -> Duration { session.engine.settings.cancelPatience }

    var listJobs: Tool {
        let row = Schema.object([
            ("job_id", Schema.string("UUID.")), ("name", Schema.nullable("string", "Name.")), ("status", Self.status),
            ("qarnot_state", Schema.string("Qarnot's state.")), ("progress", Schema.number("0 to 100.")),
            ("instance_count", Schema.integer("Instances.")), ("created_at", Schema.nullable("string", "When it was submitted.")),
            ("updated_at", Schema.nullable("string", "When it last changed.")),
        ])
        return tool(
            ToolDefinition(
                "list_jobs", title: "List jobs",
                description:
                    "Lists the user's jobs, which are the same tasks list_tasks shows, newest first, with the total count.",
                input: Schema.object([
                    ("limit", Schema.integer("Jobs to return.", 1...100, fallback: 20)),
                    ("offset", Schema.integer("Jobs to skip.", 0...10_000, fallback: 0)),
                    ("status_filter", Schema.string("Only jobs of this status.", choices: TaskStatus.allCases.map(\.rawValue))),
                ]),
                output: Schema.output(
                    [
                        ("jobs", Schema.array(row, "Jobs.")),
                        ("total_count", Schema.nullable("integer", "All that match; null beyond 10 000.")),
                        ("total_is_lower_bound", Schema.boolean("True when there are more than were counted.")),
                        ("limit", Schema.integer("As used.")), ("offset", Schema.integer("As used.")),
                        ("next_offset", Schema.nullable("integer", "For the next page, if there is one.")),
                    ], required: ["jobs", "total_count", "total_is_lower_bound", "next_offset"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let limit = arguments["limit"]?.int ?? 20
            let offset = arguments["offset"]?.int ?? 0
            let walk = try await JobWalk(
                session, limit: limit, offset: offset,
                status: arguments["status_filter"]?.string.flatMap(TaskStatus.init(rawValue:)))
            return [
                "jobs": .array(walk.rows.map(Self.jobRow)), "total_count": walk.isComplete ? .int(walk.count) : .null,
                "total_is_lower_bound": .bool(!walk.isComplete), "limit": .int(limit), "offset": .int(offset),
                "next_offset": walk.count > offset + limit ? .int(offset + limit) : .null,
            ]
        }
    }

    private static func jobRow(_ json: JSONValue) -> JSONValue {
        let task = TaskReading(json)
        return [
            "job_id": .string(task.uuid), "name": .string(orNull: task.text("name")), "status": .string(task.statusText),
            "qarnot_state": .string(task.state), "progress": .double(task.progress), "instance_count": .int(task.instanceCount),
            "created_at": .string(orNull: task.text("creationDate")), "updated_at": .string(orNull: task.text("lastModified")),
        ]
    }
}

/// A listing by offset over an API that has only tokens: walks the pages, keeps one window, counts the rest.
struct JobWalk: Sendable {
    private(set) var rows: [JSONValue] = []
    private(set) var count = 0
    /// False when counting stopped at the cap.
    private(set) var isComplete = true

    private static let cap = 10_000
    private static let pageSize = 500

    init(_ session: QarnotSession, limit: Int, offset: Int, status: TaskStatus?) async throws(QarnotFailure) {
        let path = status == nil ? ["tasks", "summaries", "paginate"] : ["tasks", "paginate"]
        let filter = status.map { TaskFilter.states($0.states.map { .string($0) }) } ?? .null
        var token: JSONValue = .null
        while true {
            let page = try await session.query(
                path,
                [
                    "filter": filter, "token": token, "maximumResults": .int(Self.pageSize), "orderBy": "creationDate",
                    "orderType": "DESC",
                ])
            let data = page["data"]?.array ?? []
            for row in data {
                if count >= offset, rows.count < limit { rows.append(row) }
                count += 1
            }
            guard page["isTruncated"]?.bool == true, let next = page["nextToken"]?.string, !data.isEmpty else { return }
            if count >= Self.cap, count >= offset + limit {
                isComplete = false
                return
            }
            token = .string(next)
        }
    }
}

/// What `submit_job` asks for, as a task (qarnot-api.md §9).
struct JobOrder: Sendable {
    let creation: TaskCreation
    let instanceCount: Int
    let resourceType: String
    let warnings: [String]

    init(_ arguments: JSONObject) throws(QarnotFailure) {
        let configuration = arguments["job_config"]?.object ?? JSONObject()
        instanceCount = arguments["instance_count"]?.int ?? 1
        resourceType = arguments["resource_type"]?.string ?? "CPU"
        var warnings: [String] = []
        if let priority = arguments["priority"]?.int, priority != 0 { warnings.append("priority is not supported by Qarnot") }
        self.warnings = warnings

        var task = JSONObject([
            ("name", arguments["job_name"] ?? ""), ("profile", configuration["profile"] ?? "docker-batch"),
            ("instance_count", .int(instanceCount)),
            ("constants", .array(try Self.constants(configuration))), ("tags", arguments["tags"] ?? []),
        ])
        task["resource_buckets"] = configuration["resource_buckets"]
        task["result_bucket"] = configuration["result_bucket"]
        if resourceType == "GPU" { task["hardware"] = ["gpu": true] }
        creation = try TaskCreation(task)
    }

    private static func constants(_ configuration: JSONObject) throws(QarnotFailure) -> [JSONValue] {
        var out: [JSONValue] = []
        func add(_ key: String, _ value: String) { out.append(["key": .string(key), "value": .string(value)]) }
        if let image = configuration["docker_image"]?.string {
            let (repository, tag) = try split(image)
            add("DOCKER_REPO", repository)
            add("DOCKER_TAG", tag)
        }
        let (command, script) = (configuration["command"]?.string, configuration["script"]?.string)
        guard command == nil || script == nil else { throw refusal("job_config.script", "cannot be given together with command") }
        if let line = command ?? script.map(run) { add("DOCKER_CMD", line) }
        for member in configuration["environment"]?.object?.members ?? [] {
            guard !member.key.isEmpty, member.key.utf8.allSatisfy(isKeyByte) else {
                throw refusal("job_config.environment", "has a name Qarnot does not accept")
            }
            add(member.key, member.value.string ?? member.value.text)
        }
        return out + (configuration["constants"]?.array ?? [])
    }

    /// At the last colon after the last slash: a registry's port is no tag.
    private static func split(_ image: String) throws(QarnotFailure) -> (repository: String, tag: String) {
        guard !image.contains("@") else { throw refusal("job_config.docker_image", "must not be a digest: Qarnot takes a tag") }
        let nameStart = image.lastIndex(of: "/").map { image.index(after: $0) } ?? image.startIndex
        guard let colon = image[nameStart...].lastIndex(of: ":") else { return (image, "latest") }
        let tag = String(image[image.index(after: colon)...])
        guard !tag.isEmpty, colon > image.startIndex else { throw refusal("job_config.docker_image", "is no image name") }
        return (String(image[..<colon]), tag)
    }

    private static func run(_ script: String) -> String {
        if script.hasSuffix(".py") { return "python \(script)" }
        return script.hasSuffix(".sh") ? "bash \(script)" : script
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func refusal(_ field: String, _ text: String) -> QarnotFailure {
        QarnotFailure(.invalidArguments, "Invalid arguments: \(field) \(text).", fields: [field])
    }
}
