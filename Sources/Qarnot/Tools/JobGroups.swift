internal import HTTP
internal import MCP
internal import Policy
internal import Primitives

/// Qarnot's own jobs, which group tasks. Called job groups here: the `*_job` tools mean a task.
extension QarnotEngine {
    private static let groupID: [(String, JSONValue)] = [("job_group_uuid", Schema.id("UUID or short name of the job group."))]

    private static let group = Schema.object([
        ("uuid", Schema.string("UUID.")), ("name", Schema.nullable("string", "Name.")),
        ("shortname", Schema.nullable("string", "Short name.")), ("state", Schema.string("Qarnot's state.")),
        ("pool_uuid", Schema.nullable("string", "The pool its tasks run in.")),
        ("use_dependencies", Schema.boolean("Whether tasks may depend on each other.")),
        ("creation_date", Schema.nullable("string", "When it was created.")),
        ("tags", Schema.array(Schema.string("Tag."), "Tags.")),
    ])

    var listJobGroups: Tool {
        tool(
            ToolDefinition(
                "list_job_groups", title: "List job groups",
                description:
                    "Lists the user's Qarnot jobs, which are groups of tasks, newest first. For single tasks use list_tasks.",
                input: Schema.object([
                    ("tags", Schema.tags), ("limit", Schema.integer("Groups a page.", 1...100, fallback: 50)),
                    ("cursor", SealedCursor.argument),
                ]),
                output: Schema.output(
                    [("job_groups", Schema.array(Self.group, "Groups.")), ("next_cursor", SealedCursor.next)],
                    required: ["job_groups", "next_cursor"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (rows, next) = try await session.page(
                of: "list_job_groups", ["jobs", "paginate"], arguments, filter: TaskFilter.tags(arguments), row: Self.row)
            return ["job_groups": .array(rows), "next_cursor": next]
        }
    }

    private static func row(_ raw: JSONValue) -> JSONValue {
        let json = Redaction.task(raw)
        return [
            "uuid": .string(json["uuid"]?.string ?? ""), "name": .string(orNull: json["name"]?.string),
            "shortname": .string(orNull: json["shortname"]?.string), "state": .string(json["state"]?.string ?? "Unknown"),
            "pool_uuid": .string(orNull: json["poolUuid"]?.string),
            "use_dependencies": .bool(json["useDependencies"]?.bool ?? false),
            "creation_date": .string(orNull: json["creationDate"]?.string), "tags": .array(json["tags"]?.array ?? []),
        ]
    }

    var getJobGroup: Tool {
        tool(
            ToolDefinition(
                "get_job_group", title: "Get a job group", description: "Shows one Qarnot job and its tasks.",
                input: Schema.object(Self.groupID, required: ["job_group_uuid"]),
                output: Schema.output(
                    [("job_group", Self.group), ("tasks", Schema.array(Self.taskRow, "Its tasks."))],
                    required: ["job_group", "tasks"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["job_group_uuid"]?.string ?? ""
            let group = try await session.get("jobs", id)
            let tasks = try await session.get("jobs", id, "tasks").array ?? []
            return ["job_group": Self.row(group), "tasks": .array(tasks.map(Self.taskRow))]
        }
    }

    var createJobGroup: Tool {
        tool(
            ToolDefinition(
                "create_job_group", title: "Create a job group",
                description:
                    "Creates a Qarnot job: a group to submit tasks into with job_group_uuid, with dependencies between them when asked for.",
                input: Schema.object(
                    [
                        ("name", Schema.string("Name.", minimum: 1, maximum: 2048)), ("shortname", Self.shortname),
                        ("pool_uuid", Schema.id("Pool its tasks run in.")),
                        ("use_dependencies", Schema.boolean("Let tasks depend on each other.")), ("tags", Schema.tags),
                    ], required: ["name"]),
                output: Self.groupState, .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            var body = JSONObject([("name", arguments["name"] ?? "")])
            body["shortname"] = arguments["shortname"]
            body["poolUuid"] = arguments["pool_uuid"]
            body["useDependencies"] = arguments["use_dependencies"] ?? false
            body["tags"] = arguments["tags"] ?? []
            try await session.admit([ComputeOrder(instances: 0, usesPool: arguments["pool_uuid"] != nil)], as: "create_job_group")
            let made = try await session.create(Creation(["jobs"], in: "jobs", body: body))
            return ["uuid": .string(made.uuid), "state": .string(made.state ?? "Active")]
        }
    }

    var terminateJobGroup: Tool {
        tool(
            ToolDefinition(
                "terminate_job_group", title: "Terminate a job group",
                description: "Ends a Qarnot job and aborts the tasks in it that run.",
                input: Schema.object(Self.groupID, required: ["job_group_uuid"]), output: Self.groupState, .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["job_group_uuid"]?.string ?? ""
            try await session.send(.post, ["jobs", id, "terminate"], .unlessSent, purpose: .abort)
            let group = try? await session.get("jobs", id)
            return [
                "uuid": .string(group?["uuid"]?.string ?? id), "state": .string(group?["state"]?.string ?? "Terminating"),
            ]
        }
    }

    var deleteJobGroup: Tool {
        tool(
            ToolDefinition(
                "delete_job_group", title: "Delete a job group",
                description: "Deletes a Qarnot job. With tasks in it this needs force, which deletes them too.",
                input: Schema.object(
                    Self.groupID + [("force", Schema.boolean("Abort and delete its tasks too."))], required: ["job_group_uuid"]),
                output: Self.groupState, .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["job_group_uuid"]?.string ?? ""
            do throws(QarnotFailure) {
                try await session.remove(["jobs", id], query: [("force", arguments["force"]?.bool == true ? "True" : "False")])
            } catch {
                guard error.code == .forbidden, arguments["force"]?.bool != true else { throw error }
                throw QarnotFailure(
                    .conflict, "The job group has tasks. Give force to delete them too.", status: error.status, fields: ["force"])
            }
            return ["uuid": .string(id), "state": "Deleted"]
        }
    }

    private static let groupState = Schema.output(
        [("uuid", Schema.string("The job group.")), ("state", Schema.string("Qarnot's state, or `Deleted`."))],
        required: ["uuid", "state"])
}
