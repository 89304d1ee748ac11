internal import Client
internal import HTTP
internal import MCP
internal import Primitives

extension QarnotEngine {
    private static let hardware = Schema.object([
        ("gpu", Schema.boolean("With (true) or without (false) a GPU.")),
        ("ssd", Schema.boolean("With (true) or without (false) an SSD.")),
        ("min_cores", Schema.integer("Least cores.", 1...1024)), ("max_cores", Schema.integer("Most cores.", 1...1024)),
        ("min_memory_mb", Schema.integer("Least memory in MB.", 1...16_777_216)),
        ("max_memory_mb", Schema.integer("Most memory in MB.", 1...16_777_216)),
        ("specification", Schema.string("One machine specification.", minimum: 1, maximum: 256)),
        ("cpu_model", Schema.string("One CPU model.", minimum: 1, maximum: 256)),
    ])

    var submitTask: Tool {
        tool(
            ToolDefinition(
                "submit_task", title: "Submit a task",
                description:
                    "Submits a task to Qarnot, where it runs and costs credits. Give `profile`, or a pool or job group that brings one.",
                input: Schema.object(
                    [
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
                        (
                            "shortname",
                            Schema.string(
                                "Unique short name; generated when absent.",
                                pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,254}[A-Za-z0-9])?$")
                        ),
                        ("resource_buckets", Schema.resourceBuckets), ("result_bucket", Schema.bucketName),
                        ("constants", Schema.constants),
                        ("tags", Schema.tags),
                        (
                            "labels",
                            [
                                "type": "object", "description": "Labels.",
                                "additionalProperties": Schema.string("Value.", maximum: 512),
                            ]
                        ),
                        ("hardware", Self.hardware),
                        (
                            "scheduling",
                            Schema.string("Scheduling type; it changes the price.", choices: ["flex", "on_demand", "reserved"])
                        ),
                        ("max_total_retries", Schema.integer("Retries of all instances together.", 0...10_000)),
                        ("max_retries_per_instance", Schema.integer("Retries of each instance.", 0...1000)),
                        (
                            "depends_on",
                            Schema.array(Schema.id("Task."), "Tasks that must succeed first; needs a job group.", maximum: 100)
                        ),
                        ("auto_delete", Schema.boolean("Delete the task when it has ended.")),
                    ], required: ["name"]),
                output: Schema.output(
                    [
                        ("uuid", Schema.string("UUID of the task.")), ("shortname", Schema.string("Its short name.")),
                        ("state", Schema.string("Qarnot's state.")),
                        ("created_at", Schema.nullable("string", "When Qarnot accepted it.")),
                    ], required: ["uuid", "shortname", "state", "created_at"]),
                .creating, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let submitted = try await session.submit(try TaskCreation(arguments))
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
        json["schedulingType"] = text("scheduling").flatMap {
            ["flex": "Flex", "on_demand": "OnDemand", "reserved": "Reserved"][$0]
        }.map { .string($0) }
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

    private static func resource(_ json: JSONValue) -> JSONValue {
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

    private static let submissions = 3
    /// A task found under our short name but older than this before the call is somebody else's.
    private static let clockSkew = Duration.seconds(120)

    /// Submits once. When the answer is lost or says busy, the short name tells whether Qarnot took the task; only when it
    /// did not is the submission repeated, under the same short name, which Qarnot keeps unique.
    func submit(_ creation: TaskCreation) async throws(QarnotFailure) -> Submitted {
        let start = engine.now()
        var attempt = 1
        while true {
            do throws(QarnotFailure) {
                let reply = try await send(.post, ["tasks"], body: .object(creation.json), .unlessSent, purpose: .create).json()
                guard let uuid = reply["uuid"]?.string else {
                    throw QarnotFailure(.unexpectedAnswer, "Qarnot's answer names no task.", isRetryable: true)
                }
                return Submitted(uuid: uuid, shortname: creation.shortname, task: try? await task(uuid))
            } catch {
                guard error.isRetryable else { throw error }
                if let task = try await find(creation, since: start, after: error) {
                    return Submitted(uuid: task.uuid, shortname: creation.shortname, task: task)
                }
                guard attempt < Self.submissions else { throw error }
                try await pause(Self.backoff(attempt))
                attempt += 1
            }
        }
    }

    /// The task an unclear submission made; nil when Qarnot says there is none.
    private func find(_ creation: TaskCreation, since start: Timestamp, after failure: QarnotFailure) async throws(QarnotFailure)
        -> TaskReading?
    {
        let unknown = QarnotFailure(
            .submissionUnknown,
            "\(failure.message) Whether the task was accepted is unknown: look for shortname \(creation.shortname) before submitting again.",
            status: failure.status)
        do throws(QarnotFailure) {
            let task = try await task(creation.shortname)
            let created = task.text("creationDate").flatMap(Timestamp.init(rfc3339:))
            guard task.text("name") == creation.name, let created, created >= start - Self.clockSkew else {
                throw QarnotFailure(
                    .conflict, "The short name \(creation.shortname) belongs to another task.", fields: ["shortname"])
            }
            return task
        } catch {
            switch error.code {
            case .notFound: return nil
            case .conflict, .cancelled, .tokenRejected: throw error
            default: throw unknown
            }
        }
    }
}
