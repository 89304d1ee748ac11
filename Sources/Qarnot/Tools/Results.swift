internal import MCP
internal import Primitives

extension QarnotEngine {
    /// How long a presigned URL lives: it opens the file to whoever holds it, and shows the account's e-mail.
    static let downloadLifetime = Duration.seconds(900)

    var getTaskResults: Tool {
        let file = Schema.object([
            ("key", Schema.string("Key in the bucket.")), ("size", Schema.integer("Bytes.")),
            ("etag", Schema.nullable("string", "Entity tag.")),
            ("last_modified", Schema.nullable("string", "When it was written.")),
            ("download_url", Schema.nullable("string", "Presigned, when asked for.")),
        ])
        return tool(
            ToolDefinition(
                "get_task_results", aliases: ["retrieve_job_results"], title: "Get results",
                description:
                    "Lists the result files of a task or job. Files are not downloaded; a single file comes with a download URL valid for 15 minutes.",
                input: Self.oneOf(
                    Schema.object([
                        ("job_id", Schema.id("UUID of the job or task.")), ("task_uuid", Schema.id("The same, by its other name.")),
                        ("output_path", Schema.string("Ignored: the gateway does not write files.", maximum: 4096)),
                        ("presign", Schema.boolean("Give each file a download URL.")),
                    ]), ["job_id", "task_uuid"]),
                output: Schema.output(
                    [
                        ("job_id", Schema.string("The job.")), ("status", Schema.string("The state, mapped.")),
                        ("qarnot_state", Schema.string("Qarnot's state.")),
                        ("results_url", Schema.nullable("string", "Where the files are; needs credentials.")),
                        ("file_count", Schema.integer("Files.")), ("file_size_bytes", Schema.integer("Bytes of all files.")),
                        ("download_url", Schema.nullable("string", "Presigned, when there is exactly one file.")),
                        ("files", Schema.array(file, "Files.")),
                        ("scope", Schema.string("`task`, or `bucket` when files of other tasks may be among them.")),
                        ("warnings", Schema.array(Schema.string("Warning."), "What was not done as asked.")),
                        ("truncated", Schema.boolean("True when there are more files.")),
                    ],
                    required: [
                        "job_id", "status", "results_url", "file_count", "file_size_bytes", "download_url", "files", "truncated",
                    ]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let task = try await session.task((arguments["job_id"] ?? arguments["task_uuid"])?.string)
            var warnings: [String] = []
            if arguments["output_path"] != nil {
                warnings.append("output_path is ignored: a remote server does not write to its own disk")
            }
            let results = try await ResultFiles(of: task, session)
            let lifetime = Self.downloadLifetime
            let presign = arguments["presign"]?.bool ?? false
            let single =
                results.files.count == 1 && !results.isTruncated
                ? results.files.first.flatMap { results.download($0, lifetime) } : nil
            return [
                "job_id": .string(task.uuid), "status": .string(task.statusText), "qarnot_state": .string(task.state),
                "results_url": .string(orNull: results.url), "file_count": .int(results.files.count),
                "file_size_bytes": .int(results.files.reduce(0) { $0 + $1.size }), "download_url": .string(orNull: single),
                "files": .array(
                    results.files.map { file in
                        [
                            "key": .string(file.key), "size": .int(file.size), "etag": .string(orNull: file.etag),
                            "last_modified": .string(orNull: file.modified),
                            "download_url": .string(orNull: presign ? results.download(file, lifetime) : nil),
                        ]
                    }),
                "scope": .string(results.isWholeBucket ? "bucket" : "task"), "warnings": .array(warnings.map { .string($0) }),
                "truncated": .bool(results.isTruncated),
            ]
        }
    }

    private static func oneOf(_ schema: JSONValue, _ names: [String]) -> JSONValue {
        guard case .object(var object) = schema else { return schema }
        object.append("anyOf", .array(names.map { ["required": [.string($0)]] }))
        return .object(object)
    }
}

/// The files a task left in its result bucket.
struct ResultFiles: Sendable {
    private(set) var files: [StoredFile] = []
    private(set) var isTruncated = false
    /// True when the task does not say which files are its own.
    private(set) var isWholeBucket = false
    /// Nil without a result bucket.
    let url: String?
    private let bucket: StorageBucket?

    init(of task: TaskReading, _ session: QarnotSession) async throws(QarnotFailure) {
        guard let name = task.text("resultBucket"), !name.isEmpty else {
            url = nil
            bucket = nil
            return
        }
        let bucket = try await session.bucket(name)
        self.bucket = bucket
        url = bucket.url + "/"
        let listing = try await bucket.list(prefix: task.text("resultsBucketPrefix") ?? "", session)
        let own = Self.keys(of: task, in: name)
        isTruncated = listing.isTruncated
        isWholeBucket = own.isEmpty && !listing.files.isEmpty
        files = listing.files.filter { !$0.key.hasSuffix("/") && (own.isEmpty || own.contains($0.key)) }
    }

    func download(_ file: StoredFile, _ lifetime: Duration) -> String? { bucket?.presigned(file.key, lifetime) }

    /// Deletes exactly these files.
    func purge(_ session: QarnotSession) async throws(QarnotFailure) {
        for file in files { try await bucket?.remove(file.key, session) }
    }

    /// From `completedInstances[].results`, such as `s3://<host>/<bucket>/<key>`.
    private static func keys(of task: TaskReading, in bucket: String) -> Set<String> {
        var out: Set<String> = []
        for instance in task.json["completedInstances"]?.array ?? [] {
            for result in instance["results"]?.array?.compactMap(\.string) ?? [] {
                let parts = result.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
                guard parts.count == 4, parts[0].hasSuffix(":"), parts[1].isEmpty else { continue }
                guard parts[3].hasPrefix(bucket + "/") else { continue }
                out.insert(String(parts[3].dropFirst(bucket.count + 1)))
            }
        }
        return out
    }
}
