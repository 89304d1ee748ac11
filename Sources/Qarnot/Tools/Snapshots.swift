internal import HTTP
internal import MCP
internal import Primitives

extension QarnotEngine {
    private static let selection: [(String, JSONValue)] = [
        ("whitelist", Schema.string("Regular expression: only files that match.", maximum: 2048)),
        ("blacklist", Schema.string("Regular expression: no files that match.", maximum: 2048)),
        ("bucket", Schema.bucketName), ("prefix", Schema.string("Put before the keys.", maximum: 1024)),
    ]

    var snapshotTask: Tool {
        tool(
            ToolDefinition(
                "snapshot_task", title: "Take a snapshot",
                description:
                    "Uploads what a running task's instances have written so far to its result bucket. Follow it with get_snapshot.",
                input: Schema.object(Self.taskID + Self.selection, required: ["task_uuid"]),
                output: Schema.output(
                    [("id", Schema.nullable("string", "For get_snapshot; null when Qarnot named none."))], required: ["id"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let path = ["tasks", arguments["task_uuid"]?.string ?? "", "snapshot"]
            let reply = try await session.send(
                .post, path, body: .object(Self.snapshotBody(arguments)), .unlessSent, purpose: .change)
            // The SDK reads an id, the published description shows an empty body (qarnot-api.md §4.1).
            return ["id": .string(orNull: (try? reply.json())?["id"]?.string)]
        }
    }

    var setPeriodicSnapshot: Tool {
        tool(
            ToolDefinition(
                "set_periodic_snapshot", title: "Take snapshots regularly",
                description: "Lets Qarnot upload a running task's results every so many seconds; 0 stops it. Qarnot may round.",
                input: Schema.object(
                    Self.taskID + [("interval_s", Schema.integer("Seconds between snapshots; 0 stops.", 0...604_800))]
                        + Self.selection, required: ["task_uuid", "interval_s"]),
                output: Self.accepted, .changing, .execute)
        ) { arguments, session throws(QarnotFailure) in
            var body = Self.snapshotBody(arguments)
            body["interval"] = arguments["interval_s"]
            let path = ["tasks", arguments["task_uuid"]?.string ?? "", "snapshot", "periodic"]
            try await session.send(.post, path, body: .object(body), purpose: .change)
            return ["accepted": true]
        }
    }

    var getSnapshot: Tool {
        tool(
            ToolDefinition(
                "get_snapshot", title: "Get a snapshot", description: "Shows how far one snapshot is.",
                input: Schema.object(
                    Self.taskID + [
                        (
                            "snapshot_id",
                            Schema.string("As snapshot_task returned it.", pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,255}$")
                        )
                    ], required: ["task_uuid", "snapshot_id"]),
                output: Schema.output(
                    [
                        ("id", Schema.string("The snapshot.")),
                        ("status", Schema.string("`triggered`, `inprogress`, `success` or `failure`.")),
                        ("size", Schema.nullable("integer", "Bytes to upload.")),
                        ("transferred", Schema.nullable("integer", "Bytes uploaded.")),
                        ("triggered_at", Schema.nullable("string", "When it was asked for.")),
                        ("bucket", Schema.nullable("string", "Where it goes, when not to the result bucket.")),
                    ], required: ["id", "status", "size", "transferred"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let id = arguments["snapshot_id"]?.string ?? ""
            let json = try await session.get("tasks", arguments["task_uuid"]?.string ?? "", "snapshot", id)
            return [
                "id": .string(json["id"]?.string ?? id), "status": .string(json["status"]?.string?.lowercased() ?? "unknown"),
                "size": .int(orNull: json["sizeToUpload"]), "transferred": .int(orNull: json["transferredSize"]),
                "triggered_at": .string(orNull: json["triggerDate"]?.string),
                "bucket": .string(orNull: json["snapshotConfig"]?["bucket"]?.string),
            ]
        }
    }

    private static func snapshotBody(_ arguments: JSONObject) -> JSONObject {
        var body = JSONObject()
        body["whitelist"] = arguments["whitelist"]
        body["blacklist"] = arguments["blacklist"]
        body["bucket"] = arguments["bucket"]
        body["bucketPrefix"] = arguments["prefix"]
        return body
    }
}

extension JSONValue {
    /// A whole number as it came, or null for anything else.
    static func int(orNull value: JSONValue?) -> JSONValue { value?.int.map { .int($0) } ?? .null }

    /// A number as it came, or null for anything else.
    static func double(orNull value: JSONValue?) -> JSONValue { value?.double.map { .double($0) } ?? .null }
}
