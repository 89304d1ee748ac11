internal import MCP
internal import Primitives

extension QarnotEngine {
    static let taskRow = Schema.object([
        ("uuid", Schema.string("UUID.")), ("name", Schema.nullable("string", "Name.")),
        ("shortname", Schema.nullable("string", "Short name.")),
        ("state", Schema.string("Qarnot's state.")), ("progress", Schema.number("0 to 100.")),
        ("profile", Schema.nullable("string", "Profile.")),
        ("instance_count", Schema.integer("Instances asked for.")),
        ("running_instance_count", Schema.integer("Instances running now.")),
        ("creation_date", Schema.nullable("string", "When it was submitted.")),
        ("end_date", Schema.nullable("string", "When it ended.")),
        ("tags", Schema.array(Schema.string("Tag."), "Tags.")),
    ])

    var listTasks: Tool {
        tool(
            ToolDefinition(
                "list_tasks", title: "List tasks",
                description:
                    "Lists the user's Qarnot tasks, newest first, one page at a time. Filters combine with AND; several tags or states with OR.",
                input: Schema.object([
                    ("tags", Schema.tags),
                    ("states", Schema.array(Schema.string("State.", choices: TaskStatus.allStates), "Qarnot states.", maximum: 20)),
                    ("name_like", Schema.string("Text the name contains.", minimum: 1, maximum: 256)),
                    ("limit", Schema.integer("Tasks a page.", 1...100, fallback: 50)),
                    ("cursor", SealedCursor.argument),
                ]),
                output: Schema.output(
                    [
                        ("tasks", Schema.array(Self.taskRow, "Tasks.")),
                        ("next_cursor", SealedCursor.next),
                    ],
                    required: ["tasks", "next_cursor"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (rows, next) = try await session.page(
                of: "list_tasks", ["tasks", "paginate"], arguments, filter: TaskFilter(arguments).json, row: Self.taskRow)
            return ["tasks": .array(rows), "next_cursor": next]
        }
    }

    static func taskRow(_ json: JSONValue) -> JSONValue {
        let task = TaskReading(json)
        return [
            "uuid": .string(task.uuid), "name": .string(orNull: task.text("name")),
            "shortname": .string(orNull: task.text("shortname")),
            "state": .string(task.state), "progress": .double(task.progress), "profile": .string(orNull: task.text("profile")),
            "instance_count": .int(task.instanceCount), "running_instance_count": .int(task.json["runningInstanceCount"]?.int ?? 0),
            "creation_date": .string(orNull: task.text("creationDate")), "end_date": .string(orNull: task.text("endDate")),
            "tags": .array(task.json["tags"]?.array ?? []),
        ]
    }

    var listProfiles: Tool {
        tool(
            ToolDefinition(
                "list_profiles", title: "List profiles",
                description:
                    "Lists the names of the Qarnot profiles the user may submit tasks with; get_profile shows what one takes.",
                input: Schema.object([]),
                output: Schema.output(
                    [("profiles", Schema.array(Schema.string("Name."), "Profile names."))], required: ["profiles"]),
                .reading, .read)
        ) { _, session throws(QarnotFailure) in
            let names = try await session.get("profiles").array?.compactMap(\.string) ?? []
            return ["profiles": .array(names.map { .string($0) })]
        }
    }

    var getProfile: Tool {
        let constant = Schema.object([
            ("name", Schema.string("Name.")), ("value", Schema.nullable("string", "Default.")),
            ("description", Schema.nullable("string", "Meaning.")),
        ])
        return tool(
            ToolDefinition(
                "get_profile", title: "Get a profile", description: "Shows the constants of one Qarnot profile and their defaults.",
                input: Schema.object([("profile_name", Schema.profileName)], required: ["profile_name"]),
                output: Schema.output(
                    [("name", Schema.string("Name.")), ("constants", Schema.array(constant, "Constants."))],
                    required: ["name", "constants"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let name = arguments["profile_name"]?.string ?? ""
            let profile = try await session.get("profiles", name)
            let constants = (profile["constants"]?.array ?? []).map { constant -> JSONValue in
                [
                    "name": .string(constant["name"]?.string ?? ""), "value": .string(orNull: constant["value"]?.string),
                    "description": .string(orNull: constant["description"]?.string),
                ]
            }
            return ["name": .string(profile["name"]?.string ?? name), "constants": .array(constants)]
        }
    }
}

/// The filter tree of a task listing (qarnot-api.md §8).
struct TaskFilter {
    let json: JSONValue?

    init(_ arguments: JSONObject) {
        var parts: [JSONValue] = []
        if let tags = Self.tags(arguments) { parts.append(tags) }
        if let states = arguments["states"]?.array, !states.isEmpty { parts.append(Self.states(states)) }
        if let text = arguments["name_like"]?.string {
            parts.append(["operator": "Like", "field": "Name", "value": .string("%\(text)%")])
        }
        json = parts.count > 1 ? ["operator": "And", "filters": .array(parts)] : parts.first
    }

    /// Nil when no tag is asked for.
    static func tags(_ arguments: JSONObject) -> JSONValue? {
        guard let tags = arguments["tags"]?.array, !tags.isEmpty else { return nil }
        return ["operator": "Or", "filters": .array(tags.map { ["operator": "Equal", "field": "Tags", "value": $0] })]
    }

    static func states(_ states: [JSONValue]) -> JSONValue { ["operator": "In", "field": "State", "values": .array(states)] }
}
