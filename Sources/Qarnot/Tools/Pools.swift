internal import HTTP
internal import MCP
internal import Primitives

extension QarnotEngine {
    private static let poolID: [(String, JSONValue)] = [("pool_uuid", Schema.id("UUID or short name of the pool."))]
    private static let pool: JSONValue = ["type": "object", "description": "The pool as Qarnot returns it."]
    private static let elastic = Schema.object([
        ("min_slots", Schema.integer("Machines always kept.", 0...10_000)),
        ("max_slots", Schema.integer("Most machines.", 1...10_000)),
        ("min_idle_slots", Schema.integer("Idle machines kept ready.", 0...10_000)),
        ("min_idle_time_s", Schema.integer("Seconds a machine is idle before it goes.", 0...86_400)),
        ("resize_period_s", Schema.integer("Seconds between two looks at the load.", 1...86_400)),
        ("resize_factor", Schema.number("How fast it grows, above 0 up to 1.")),
    ])

    private static let poolRow = Schema.object([
        ("uuid", Schema.string("UUID.")), ("name", Schema.nullable("string", "Name.")),
        ("shortname", Schema.nullable("string", "Short name.")), ("state", Schema.string("Qarnot's state.")),
        ("profile", Schema.nullable("string", "Profile.")), ("instance_count", Schema.integer("Machines asked for.")),
        ("running_instance_count", Schema.integer("Machines running now.")),
        ("creation_date", Schema.nullable("string", "When it was created.")),
        ("tags", Schema.array(Schema.string("Tag."), "Tags.")),
    ])

    var listPools: Tool {
        tool(
            ToolDefinition(
                "list_pools", title: "List pools",
                description:
                    "Lists the user's pools of machines kept ready, newest first. An open pool costs credits even when idle.",
                input: Schema.object([
                    ("tags", Schema.tags), ("limit", Schema.integer("Pools a page.", 1...100, fallback: 50)),
                    ("cursor", SealedCursor.argument),
                ]),
                output: Schema.output(
                    [("pools", Schema.array(Self.poolRow, "Pools.")), ("next_cursor", SealedCursor.next)],
                    required: ["pools", "next_cursor"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (rows, next) = try await session.page(
                of: "list_pools", ["pools", "paginate"], arguments, filter: TaskFilter.tags(arguments), row: Self.row)
            return ["pools": .array(rows), "next_cursor": next]
        }
    }

    private static func row(_ raw: JSONValue) -> JSONValue {
        let json = Redaction.task(raw)
        return [
            "uuid": .string(json["uuid"]?.string ?? ""), "name": .string(orNull: json["name"]?.string),
            "shortname": .string(orNull: json["shortname"]?.string), "state": .string(json["state"]?.string ?? "Unknown"),
            "profile": .string(orNull: json["profile"]?.string), "instance_count": .int(json["instanceCount"]?.int ?? 0),
            "running_instance_count": .int(json["runningInstanceCount"]?.int ?? 0),
            "creation_date": .string(orNull: json["creationDate"]?.string), "tags": .array(json["tags"]?.array ?? []),
        ]
    }

    var getPool: Tool {
        tool(
            ToolDefinition(
                "get_pool", title: "Get a pool", description: "Shows one pool in full: state, machines, elasticity, constants.",
                input: Schema.object(Self.poolID, required: ["pool_uuid"]),
                output: Schema.output([("pool", Self.pool)], required: ["pool"]), .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            ["pool": try await session.pool(arguments["pool_uuid"]?.string ?? "")]
        }
    }

    var getPoolLogs: Tool {
        tool(
            ToolDefinition(
                "get_pool_logs", title: "Get pool logs",
                description: "Reads the end of a pool's standard output or error, of all machines or of one.",
                input: Schema.object(Self.poolID + Self.logArguments, required: ["pool_uuid"]),
                output: Schema.output(
                    [("pool_uuid", Schema.string("The pool."))] + Self.logResults,
                    required: ["pool_uuid", "log_type", "text", "truncated"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            try await session.log(of: "pools", "pool_uuid", arguments)
        }
    }

    var createPool: Tool {
        tool(
            ToolDefinition(
                "create_pool", title: "Create a pool",
                description:
                    "Opens a pool: machines kept ready for tasks. It costs credits until close_pool, even when no task runs in it.",
                input: Schema.object(
                    [
                        ("name", Schema.string("Name.", minimum: 1, maximum: 2048)), ("profile", Schema.profileName),
                        ("shortname", Self.shortname),
                        ("instance_count", Schema.integer("Machines; or give elastic.", 1...10_000)),
                        ("elastic", Self.elastic), ("constants", Schema.constants), ("tags", Schema.tags),
                        ("labels", Self.labels), ("resource_buckets", Schema.resourceBuckets), ("hardware", Self.hardware),
                        ("scheduling", Self.scheduling),
                        ("auto_delete", Schema.boolean("Delete the pool when it has closed.")),
                    ], required: ["name", "profile"]),
                output: Schema.output(
                    [
                        ("uuid", Schema.string("UUID of the pool.")), ("shortname", Schema.string("Its short name.")),
                        ("state", Schema.string("Qarnot's state.")),
                        ("warnings", Schema.array(Schema.string("Warning."), "What to mind.")),
                    ], required: ["uuid", "shortname", "state", "warnings"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let body = try Self.poolBody(arguments)
            let slots = body["elasticProperty"]?["maxTotalSlots"]?.int ?? body["instanceCount"]?.int ?? 1
            try await session.admit([try await session.order(ofPool: arguments, slots: slots)], as: "create_pool")
            let made = try await session.create(Creation(["pools"], in: "pools", body: body))
            return [
                "uuid": .string(made.uuid), "shortname": .string(made.shortname), "state": .string(made.state ?? "Submitted"),
                "warnings": ["An open pool costs credits until it is closed: close it with close_pool when its tasks are done."],
            ]
        }
    }

    private static func poolBody(_ arguments: JSONObject) throws(QarnotFailure) -> JSONObject {
        let elastic = arguments["elastic"]?.object
        guard (arguments["instance_count"] == nil) != (elastic == nil) else {
            throw QarnotFailure(
                .invalidArguments, "Invalid arguments: give either instance_count or elastic.",
                fields: ["instance_count", "elastic"])
        }
        var body = JSONObject([("name", arguments["name"] ?? ""), ("profile", arguments["profile"] ?? "")])
        body["shortname"] = arguments["shortname"]
        body["instanceCount"] = arguments["instance_count"] ?? elastic?["min_slots"] ?? 0
        body["elasticProperty"] = try elastic.map { elastic throws(QarnotFailure) in try elasticity(elastic) }
        body["constants"] = arguments["constants"] ?? []
        body["tags"] = arguments["tags"] ?? []
        body["labels"] = arguments["labels"]
        body["advancedResourceBuckets"] = arguments["resource_buckets"].map { .array(($0.array ?? []).map(TaskCreation.resource)) }
        body["hardwareConstraints"] = arguments["hardware"].map { .array(TaskCreation.constraints($0)) }
        body["schedulingType"] = schedulingType(arguments["scheduling"])
        body["autoDeleteOnCompletion"] = arguments["auto_delete"]
        return body
    }

    private static func elasticity(_ elastic: JSONObject) throws(QarnotFailure) -> JSONValue {
        let least = elastic["min_slots"]?.int ?? 0
        guard let most = elastic["max_slots"]?.int, most >= least else {
            throw QarnotFailure(
                .invalidArguments, "Invalid arguments: elastic.max_slots is required and not below min_slots.",
                fields: ["elastic.max_slots"])
        }
        let factor = elastic["resize_factor"]?.double ?? 1
        guard factor > 0, factor <= 1 else {
            throw QarnotFailure(
                .invalidArguments, "Invalid arguments: elastic.resize_factor must be above 0 and at most 1.",
                fields: ["elastic.resize_factor"])
        }
        return [
            "isElastic": true, "minTotalSlots": .int(least), "maxTotalSlots": .int(most),
            "minIdleSlots": elastic["min_idle_slots"] ?? 0, "resizePeriod": elastic["resize_period_s"] ?? 90,
            "rampResizeFactor": .double(factor), "minIdleTimeSeconds": elastic["min_idle_time_s"] ?? 90,
        ]
    }

    var updatePool: Tool {
        tool(
            ToolDefinition(
                "update_pool", title: "Update a pool",
                description: "Replaces a pool's tags, constants or elasticity. More machines cost more credits.",
                input: Schema.object(
                    Self.poolID + [("tags", Schema.tags), ("constants", Schema.constants), ("elastic", Self.elastic)],
                    required: ["pool_uuid"]),
                output: Schema.output([("pool", Self.pool)], required: ["pool"]), .changing, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["pool_uuid"]?.string ?? ""
            guard ["tags", "constants", "elastic"].contains(where: { arguments[$0] != nil }) else {
                throw QarnotFailure(
                    .invalidArguments, "Invalid arguments: give tags, constants or elastic.",
                    fields: ["tags", "constants", "elastic"])
            }
            let current = try await session.pool(id)
            try await session.admitChange(of: current, constants: arguments["constants"], as: "update_pool")
            var body = JSONObject([("tags", arguments["tags"] ?? current["tags"] ?? [])])
            body["constants"] = arguments["constants"]
            if let elastic = arguments["elastic"]?.object {
                let elasticity = try Self.elasticity(elastic)
                body["elasticProperty"] = elasticity
                let asked = JSONObject([("profile", current["profile"] ?? "")])
                let slots = elasticity["maxTotalSlots"]?.int ?? 1
                try await session.admit([try await session.order(ofPool: asked, slots: slots)], as: "update_pool")
            }
            try await session.send(.put, ["pools", id], body: .object(body), purpose: .change)
            return ["pool": try await session.pool(id)]
        }
    }

    var closePool: Tool {
        tool(
            ToolDefinition(
                "close_pool", title: "Close a pool",
                description: "Closes a pool, which ends its cost. Tasks running in it are aborted; it cannot be opened again.",
                input: Schema.object(Self.poolID, required: ["pool_uuid"]), output: Self.poolState, .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["pool_uuid"]?.string ?? ""
            try await session.send(.post, ["pools", id, "close"], .unlessSent, purpose: .abort)
            let pool = try? await session.pool(id)
            return [
                "uuid": .string(pool?["uuid"]?.string ?? id), "state": .string(pool?["state"]?.string ?? "Closing"),
            ]
        }
    }

    var deletePool: Tool {
        tool(
            ToolDefinition(
                "delete_pool", title: "Delete a pool", description: "Deletes a pool, closing it first when it is open.",
                input: Schema.object(Self.poolID, required: ["pool_uuid"]), output: Self.poolState, .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["pool_uuid"]?.string ?? ""
            try await session.remove(["pools", id])
            return ["uuid": .string(id), "state": "Deleted"]
        }
    }

    private static let poolState = Schema.output(
        [("uuid", Schema.string("The pool.")), ("state", Schema.string("Qarnot's state, or `Deleted`."))],
        required: ["uuid", "state"])
}

extension QarnotSession {
    func pool(_ id: String) async throws(QarnotFailure) -> JSONValue {
        let json = try await get("pools", id)
        guard json["uuid"]?.string != nil else { throw QarnotFailure(.unexpectedAnswer, "Qarnot's answer is no pool.") }
        return Redaction.task(json)
    }
}
