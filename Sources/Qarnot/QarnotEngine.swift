package import Client
internal import Crypto
package import MCP
package import Policy
package import Primitives
internal import Synchronization

/// The Qarnot API as MCP tools: each call runs on the caller's own key, and on nobody else's.
package struct QarnotEngine: Sendable {
    package struct Settings: Sendable {
        /// Without a trailing slash, such as `https://api.qarnot.com`.
        package var apiURL: String
        /// Overrides what Qarnot says of its storage.
        package var storageURL: String?
        /// The page where users store their key, named in the answer when there is none.
        package var accountURL: String
        package var connectTimeout = Duration.seconds(5)
        package var requestTimeout = Duration.seconds(30)
        package var maximumResponseBytes = 32 << 20
        /// Between two looks at a task that is waited for: first this, then twice as long each time, up to `slowestPoll`.
        package var firstPoll = Duration.milliseconds(250)
        package var slowestPoll = Duration.seconds(4)
        /// How long `cancel_job` waits to see the task cancelled.
        package var cancelPatience = Duration.seconds(10)

        package init(apiURL: String, storageURL: String? = nil, accountURL: String) {
            func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }
            self.apiURL = trimmed(apiURL)
            self.storageURL = storageURL.map(trimmed)
            self.accountURL = accountURL
        }
    }

    let settings: Settings
    let client: HTTPClient
    let keys: any UpstreamKeys
    let now: @Sendable () -> Timestamp
    let storage = StorageLocation()
    let ledger: SpendingLedger
    let budgets: ComputeBudgets
    let refused: Refused
    let cursorKey: Secret

    /// The engine's name in scopes, paths and records.
    package static let name = "qarnot"

    /// Told of every submission a budget refused: caller, tool, rule.
    package typealias Refused = @Sendable (Principal, String, String) async -> Void

    /// - Parameters:
    ///   - budgets: what each caller may spend; none by default.
    ///   - ledger: what today's tasks have cost, kept from one engine to the next.
    ///   - cursorKey: 32 bytes that seal cursors; with a random one, cursors do not outlive the process.
    package init(
        settings: Settings, client: HTTPClient, keys: any UpstreamKeys, budgets: ComputeBudgets = ComputeBudgets(),
        ledger: SpendingLedger = SpendingLedger(), cursorKey: Secret = Secret(Random.bytes(32)),
        now: @escaping @Sendable () -> Timestamp = Timestamp.now,
        refused: @escaping Refused = { _, _, _ in }
    ) {
        self.settings = settings
        self.client = client
        self.keys = keys
        self.budgets = budgets
        self.ledger = ledger
        self.cursorKey = cursorKey
        self.now = now
        self.refused = refused
    }

    /// Every tool, in the order they are listed.
    package var tools: [Tool] {
        tasks + jobs + pools + storageTools + account
    }

    private var tasks: [Tool] {
        [
            submitTask, submitTasks, listTasks, getTask, waitForTask.runningAsTask, getTaskLogs, getTaskResults, abortTask,
            deleteTask,
            updateTask,
            syncTaskResources, snapshotTask, setPeriodicSnapshot, getSnapshot, retryTask, resumeTask, recoverTask, cloneTask,
        ]
    }

    private var jobs: [Tool] {
        [
            submitJob, getJobStatus, cancelJob, listJobs, listJobGroups, getJobGroup, createJobGroup, terminateJobGroup,
            deleteJobGroup,
        ]
    }

    private var pools: [Tool] {
        [listProfiles, getProfile, listPools, getPool, getPoolLogs, createPool, updatePool, closePool, deletePool]
    }

    private var storageTools: [Tool] {
        [listBuckets, listBucketFiles, readBucketFile, createBucket, writeBucketFile, deleteBucketFile, deleteBucket]
    }

    private var account: [Tool] {
        [
            getAccount, getTaskCost, getCarbonFacts, listBudgets, listHardware, searchCPUModels, listSecrets, setSecret,
            deleteSecret,
        ]
    }
}

/// What each tool is made of.
struct ToolDefinition: Sendable {
    let name: String
    var aliases: [String] = []
    let title: String
    let description: String
    let input: JSONValue
    let output: JSONValue
    let annotations: ToolAnnotations
    let permission: Permission

    init(
        _ name: String, aliases: [String] = [], title: String, description: String, input: JSONValue, output: JSONValue,
        _ annotations: ToolAnnotations, _ permission: Permission
    ) {
        self.name = name
        self.aliases = aliases
        self.title = title
        self.description = description
        self.input = input
        self.output = output
        self.annotations = annotations
        self.permission = permission
    }
}

extension ToolAnnotations {
    static let reading = ToolAnnotations(readOnly: true, idempotent: true)
    static let creating = ToolAnnotations()
    static let changing = ToolAnnotations(idempotent: true)
    static let ending = ToolAnnotations(destructive: true, idempotent: true)
}

extension QarnotEngine {
    typealias Body = @Sendable (JSONObject, QarnotSession) async throws(QarnotFailure) -> JSONValue

    /// Wraps a body with what every call needs: checked arguments, the caller's key, a clean result.
    func tool(_ definition: ToolDefinition, _ body: @escaping Body) -> Tool {
        Tool(
            name: definition.name, aliases: definition.aliases, title: definition.title, description: definition.description,
            inputSchema: definition.input, outputSchema: definition.output, annotations: definition.annotations,
            permission: definition.permission
        ) { arguments, context in
            do throws(QarnotFailure) {
                if let problem = SchemaCheck.problem(with: .object(arguments), under: definition.input) {
                    throw QarnotFailure(.invalidArguments, "Invalid arguments: \(problem.text).", fields: [problem.field])
                }
                return try await run(body, arguments, context)
            } catch {
                if error.code == .keyMissing, let question = keyQuestion(context) { return .needs(question) }
                return .failure(error.json.text, structured: error.json)
            }
        }
    }

    private func run(_ body: Body, _ arguments: JSONObject, _ context: ToolContext) async throws(QarnotFailure) -> ToolResult {
        let result = try await withSession(context) { session throws(QarnotFailure) in
            ResultSize.fitted(Redaction.clean(try await body(arguments, session), of: session.key))
        }
        return .structured(result)
    }

    /// Runs with the caller's own key, and notes how Qarnot judged it. No failure that leaves here holds the key.
    func withSession<R: Sendable>(
        _ context: ToolContext, _ body: (QarnotSession) async throws(QarnotFailure) -> R
    ) async throws(QarnotFailure) -> R {
        guard let caller = context.caller, let key = try await key(for: caller, context.notes) else {
            throw QarnotFailure(
                .keyMissing,
                "No Qarnot key is stored for you. Open \(settings.accountURL), add your Qarnot API key, then try again.")
        }
        do throws(QarnotFailure) {
            let result = try await body(QarnotSession(engine: self, key: key, context: context))
            await keys.markWorking(for: caller)
            return result
        } catch {
            if error.code == .tokenRejected { await keys.markRejected(key, of: caller) }
            throw error.cleaned(of: key)
        }
    }

    /// Sends the person to the page where keys are added, when the client can show it: a key never travels through the client. A
    /// yes means that the page was opened, not that a key is there; the next round looks (mcp.md §5).
    private func keyQuestion(_ context: ToolContext) -> InputNeed? {
        guard context.client.contains(.elicitationURL), !context.isDeclined("qarnot_key"),
            context.callsInRounds || context.answers["qarnot_key"] == nil
        else { return nil }
        let question = InputRequest.url(
            "No Qarnot key is stored for you yet. Open your account page and add one.", url: settings.accountURL, id: "qarnot-key")
        return InputNeed([("qarnot_key", question)])
    }

    private func key(for caller: Principal, _ notes: CallNotes?) async throws(QarnotFailure) -> Secret? {
        do {
            return try await keys.key(for: caller, noting: notes)
        } catch {
            throw QarnotFailure(
                .keyUnavailable, "Your Qarnot key cannot be read at the moment. Try again later.", isRetryable: true)
        }
    }
}
