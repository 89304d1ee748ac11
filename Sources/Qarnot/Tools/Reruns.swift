internal import MCP
internal import Primitives

/// New tasks made from old ones.
extension QarnotEngine {
    private static let overrides: [(String, JSONValue)] = [
        ("name", Schema.string("Name of the new task.", minimum: 1, maximum: 2048)), ("shortname", shortname),
        ("tags", Schema.tags), ("labels", labels), ("constants", Schema.constants),
        ("resource_buckets", Schema.resourceBuckets), ("result_bucket", Schema.bucketName),
        ("scheduling", scheduling),
    ]
    private static let counts: [(String, JSONValue)] = [
        ("instance_count", Schema.integer("Instances of the copy.", 1...10_000)),
        (
            "advanced_ranges",
            Schema.string(
                "Instance numbers of the copy, such as 0-2,5; instead of a count.", maximum: 2048,
                pattern: "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$")
        ),
    ]

    var retryTask: Tool { rerun("retry", "Retry failed instances", "Runs the failed instances of a task again, as a new task.") }
    var resumeTask: Tool {
        rerun("resume", "Resume cancelled instances", "Runs the cancelled instances of a task again, as a new task.")
    }
    var recoverTask: Tool {
        rerun("recover", "Recover a task", "Runs the failed and the cancelled instances of a task again, as a new task.")
    }
    var cloneTask: Tool {
        rerun("clone", "Clone a task", "Submits a copy of a task, with all its settings but those overridden.", Self.counts)
    }

    private func rerun(_ verb: String, _ title: String, _ description: String, _ more: [(String, JSONValue)] = []) -> Tool {
        tool(
            ToolDefinition(
                "\(verb)_task", title: title, description: description + " It costs credits.",
                input: Schema.object(
                    Self.taskID + [
                        (
                            "overrides",
                            .object(
                                JSONObject(
                                    (Schema.object(Self.overrides + more).object ?? JSONObject()).members.map { ($0.key, $0.value) }
                                        + [("description", "What the new task has otherwise than the old one.")]))
                        )
                    ], required: ["task_uuid"]),
                output: Schema.output(
                    [
                        ("uuid", Schema.string("UUID of the new task.")), ("shortname", Schema.string("Its short name.")),
                        ("state", Schema.string("Qarnot's state.")), ("original_uuid", Schema.string("UUID of the old task.")),
                    ], required: ["uuid", "shortname", "state", "original_uuid"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let old = try await session.task(arguments["task_uuid"]?.string)
            let body = try Self.overridden(arguments["overrides"]?.object ?? JSONObject())
            try await session.admit([try await session.order(ofRerun: old, body)], as: "\(verb)_task")
            let made = try await session.create(Creation(["tasks", old.uuid, verb], in: "tasks", body: body))
            return [
                "uuid": .string(made.uuid), "shortname": .string(made.shortname), "state": .string(made.state ?? "Submitted"),
                "original_uuid": .string(old.uuid),
            ]
        }
    }

    private static func overridden(_ arguments: JSONObject) throws(QarnotFailure) -> JSONObject {
        guard arguments["instance_count"] == nil || arguments["advanced_ranges"] == nil else {
            throw QarnotFailure(
                .invalidArguments, "Invalid arguments: advanced_ranges cannot be given together with instance_count.",
                fields: ["overrides.advanced_ranges"])
        }
        var body = JSONObject()
        for (ours, theirs) in [
            ("name", "name"), ("shortname", "shortname"), ("tags", "tags"), ("labels", "labels"), ("constants", "constants"),
            ("result_bucket", "resultBucket"), ("instance_count", "instanceCount"), ("advanced_ranges", "advancedRanges"),
        ] { body[theirs] = arguments[ours] }
        body["advancedResourceBuckets"] = arguments["resource_buckets"].map { .array(($0.array ?? []).map(TaskCreation.resource)) }
        body["schedulingType"] = schedulingType(arguments["scheduling"])
        return body
    }
}
