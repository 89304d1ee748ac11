internal import Client
internal import HTTP
internal import MCP
internal import Primitives

extension QarnotEngine {
    static let hardware = Schema.object([
        ("gpu", Schema.boolean("With (true) or without (false) a GPU.")),
        ("ssd", Schema.boolean("With (true) or without (false) an SSD.")),
        ("min_cores", Schema.integer("Least cores.", 1...1024)), ("max_cores", Schema.integer("Most cores.", 1...1024)),
        ("min_memory_mb", Schema.integer("Least memory in MB.", 1...16_777_216)),
        ("max_memory_mb", Schema.integer("Most memory in MB.", 1...16_777_216)),
        ("specification", Schema.string("One machine specification.", minimum: 1, maximum: 256)),
        ("cpu_model", Schema.string("One CPU model.", minimum: 1, maximum: 256)),
    ])

    /// What one task takes, for `submit_task` and each of `submit_tasks`.
    static let taskArguments: [(String, JSONValue)] = [
        ("name", Schema.string("Name.", minimum: 1, maximum: 2048)),
        ("profile", Schema.profileName),
        ("pool_uuid", Schema.id("Pool to run in, instead of a profile.")),
        ("job_group_uuid", Schema.id("Qarnot job (group of tasks) to belong to.")),
        ("instance_count", Schema.integer("Instances; 1 unless ranges are given.", 1...10_000)),
        (
            "advanced_ranges",
            Schema.string(
                "Instance numbers, such as 0-2,5; instead of a count.", maximum: 2048,
                pattern: "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$")
        ),
        ("shortname", Self.shortname),
        ("resource_buckets", Schema.resourceBuckets), ("result_bucket", Schema.bucketName),
        ("constants", Schema.constants), ("tags", Schema.tags), ("labels", Self.labels), ("hardware", hardware),
        ("scheduling", Self.scheduling),
        ("max_total_retries", Schema.integer("Retries of all instances together.", 0...10_000)),
        ("max_retries_per_instance", Schema.integer("Retries of each instance.", 0...1000)),
        (
            "depends_on",
            Schema.array(Schema.id("Task."), "Tasks that must succeed first; needs a job group.", maximum: 100)
        ),
        ("auto_delete", Schema.boolean("Delete the task when it has ended.")),
    ]

    static let shortname = Schema.string(
        "Unique short name; generated when absent.", pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,254}[A-Za-z0-9])?$")
    static let labels: JSONValue = [
        "type": "object", "description": "Labels.", "additionalProperties": Schema.string("Value.", maximum: 512),
    ]
    static let scheduling = Schema.string(
        "Scheduling type; it changes the price.", choices: ["flex", "on_demand", "reserved"])

    /// As Qarnot spells it in requests.
    static func schedulingType(_ argument: JSONValue?) -> JSONValue? {
        argument?.string.flatMap { ["flex": "Flex", "on_demand": "OnDemand", "reserved": "Reserved"][$0] }.map { .string($0) }
    }

    var submitTask: Tool {
        tool(
            ToolDefinition(
                "submit_task", title: "Submit a task",
                description:
                    "Submits a task to Qarnot, where it runs and costs credits. Give `profile`, or a pool or job group that brings one. "
                    + "For a container, profile docker-batch takes the constants DOCKER_REPO, DOCKER_TAG and DOCKER_CMD; "
                    + "input comes from resource_buckets, files written are uploaded to result_bucket.",
                input: Schema.object(Self.taskArguments, required: ["name"]),
                output: Schema.output(
                    [
                        ("uuid", Schema.string("UUID of the task.")), ("shortname", Schema.string("Its short name.")),
                        ("state", Schema.string("Qarnot's state.")),
                        ("created_at", Schema.nullable("string", "When Qarnot accepted it.")),
                    ], required: ["uuid", "shortname", "state", "created_at"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let submitted = try await session.submit(try TaskCreation(arguments), as: "submit_task")
            return [
                "uuid": .string(submitted.uuid), "shortname": .string(submitted.shortname),
                "state": .string(submitted.task?.state ?? "Submitted"),
                "created_at": .string(orNull: submitted.task?.text("creationDate")),
            ]
        }
    }
}

/// A TaskCreation object (qarnot-api.md §4.2), from the arguments of `submit_task`.
struct TaskCreation: Sendable {
    let name: String
    let shortname: String
    var json: JSONObject

    init(_ arguments: JSONObject) throws(QarnotFailure) {
        func text(_ name: String) -> String? { arguments[name]?.string }
        let (profile, pool, group) = (text("profile"), text("pool_uuid"), text("job_group_uuid"))
        guard profile != nil || pool != nil || group != nil else {
            throw QarnotFailure(
                .invalidArguments, "Invalid arguments: profile is required without pool_uuid or job_group_uuid.",
                fields: ["profile"])
        }
        guard pool == nil || profile == nil else { throw Self.conflict("profile", "pool_uuid") }
        guard pool == nil || group == nil else { throw Self.conflict("job_group_uuid", "pool_uuid") }
        guard arguments["instance_count"] == nil || arguments["advanced_ranges"] == nil else {
            throw Self.conflict("advanced_ranges", "instance_count")
        }
        guard arguments["depends_on"] == nil || group != nil else {
            throw QarnotFailure(.invalidArguments, "Invalid arguments: depends_on needs job_group_uuid.", fields: ["depends_on"])
        }
        name = text("name") ?? ""
        shortname = text("shortname") ?? Self.makeShortname()
        json = JSONObject([("name", .string(name)), ("shortname", .string(shortname))])
        json["profile"] = arguments["profile"]
        json["poolUuid"] = arguments["pool_uuid"]
        json["jobUuid"] = arguments["job_group_uuid"]
        if let ranges = arguments["advanced_ranges"] {
            json["advancedRanges"] = ranges
        } else {
            json["instanceCount"] = arguments["instance_count"] ?? 1
        }
        json["advancedResourceBuckets"] = arguments["resource_buckets"].map { .array(($0.array ?? []).map(Self.resource)) }
        json["resultBucket"] = arguments["result_bucket"]
        json["constants"] = arguments["constants"] ?? []
        json["tags"] = arguments["tags"] ?? []
        json["labels"] = arguments["labels"]
        json["hardwareConstraints"] = arguments["hardware"].map { .array(Self.constraints($0)) }
        json["schedulingType"] = QarnotEngine.schedulingType(arguments["scheduling"])
        json["autoDeleteOnCompletion"] = arguments["auto_delete"]
        json["dependencies"] = arguments["depends_on"].map { ["dependsOn": $0] }
        if arguments["max_total_retries"] != nil || arguments["max_retries_per_instance"] != nil {
            json["retrySettings"] = [
                "maxTotalRetries": arguments["max_total_retries"] ?? .null,
                "maxPerInstanceRetries": arguments["max_retries_per_instance"] ?? .null,
            ]
        }
    }

    private static func conflict(_ one: String, _ other: String) -> QarnotFailure {
        QarnotFailure(.invalidArguments, "Invalid arguments: \(one) cannot be given together with \(other).", fields: [one])
    }

    /// Unique, so that the task can be found again when Qarnot's answer is lost.
    static func makeShortname() -> String {
        "gh-" + String((0..<24).map { _ in "0123456789abcdefghijklmnopqrstuvwxyz".randomElement() ?? "0" })
    }

    static func resource(_ json: JSONValue) -> JSONValue {
        if let name = json.string {
            return ["bucketName": .string(name), "filtering": [:], "resourcesTransformation": [:], "cacheTTLSec": nil]
        }
        let filtering: JSONValue = json["prefix"].map { ["prefixFiltering": ["prefix": $0]] } ?? [:]
        let transformation: JSONValue = json["strip_prefix"].map { ["stripPrefix": ["prefix": $0]] } ?? [:]
        return [
            "bucketName": json["bucket"] ?? .null, "filtering": filtering, "resourcesTransformation": transformation,
            "cacheTTLSec": nil,
        ]
    }

    static func constraints(_ hardware: JSONValue) -> [JSONValue] {
        func constraint(_ kind: String, _ members: (String, JSONValue)...) -> JSONValue {
            .object(JSONObject([("discriminator", .string(kind + "HardwareConstraint"))] + members))
        }
        var out: [JSONValue] = []
        if let gpu = hardware["gpu"]?.bool { out.append(constraint(gpu ? "Gpu" : "NoGpu")) }
        if let ssd = hardware["ssd"]?.bool { out.append(constraint(ssd ? "SSD" : "NoSSD")) }
        if let cores = hardware["min_cores"] { out.append(constraint("MinimumCore", ("coreCount", cores))) }
        if let cores = hardware["max_cores"] { out.append(constraint("MaximumCore", ("coreCount", cores))) }
        if let memory = hardware["min_memory_mb"] { out.append(constraint("MinimumRam", ("minimumMemoryMB", memory))) }
        if let memory = hardware["max_memory_mb"] { out.append(constraint("MaximumRam", ("maximumMemoryMB", memory))) }
        if let key = hardware["specification"] { out.append(constraint("Specific", ("specificationKey", key))) }
        if let model = hardware["cpu_model"] { out.append(constraint("CpuModel", ("cpuModel", model))) }
        return out
    }
}

extension QarnotSession {
    /// A task Qarnot has accepted; `task` is nil when it could not be read back.
    struct Submitted: Sendable {
        let uuid: String
        let shortname: String
        let task: TaskReading?
    }

    func submit(_ creation: TaskCreation, as tool: String) async throws(QarnotFailure) -> Submitted {
        try await admit([try await order(of: creation)], as: tool)
        let made = try await create(Creation(["tasks"], in: "tasks", body: creation.json))
        return Submitted(uuid: made.uuid, shortname: made.shortname, task: made.json.map(TaskReading.init))
    }
}
