import Audit
import Client
import Crypto
import HTTP
import Logging
import MCP
import OAuth
import Policy
import Primitives
import Qarnot
import Server
import Storage
import Transport

/// What outlives a reload: threads, connections, counters and caches. Every composition of a process is built over the same.
struct SharedParts: Sendable {
    let workspace: Workspace
    let group: EventLoopGroup
    let logger: Logger
    let sleeper: LoopSleeper
    let watcher: EpochWatcher
    let client: HTTPClient
    let auditor: Auditor
    let limiter = RateLimiter()
    let requests: RequestMetrics
    let limitMetrics = LimitMetrics()
    let gauges = LiveGauges()
    let traces: TraceBuffer
    let attempts: AttemptThrottle
    /// Of client secrets, ten at once (CLI-5).
    let secretAttempts = AttemptThrottle(attempts: 10)
    let keySets: KeySetFetcher
    let flows = FlowTraces()
    let providers: ProviderClient
    /// Calls in flight, by user.
    let calls = ConcurrencyCap(limit: 8)
    /// Streams held open, by user; how many is for the configuration to say.
    let openStreams = ConcurrencyCap(limit: 0)
    let streams: StreamHub
    /// Sessions, tasks and sealed handles of MCP clients.
    let continuity: Continuity
    /// Tells open streams what changed.
    let changes = ChangeHub()
    let tokenCache: TokenCache
    let grantUse: GrantUse
    let hashing: BlockingPool
    /// Reads the end of the audit log for `/admin`.
    let reading: BlockingPool
    let readiness = Readiness()
    /// What Qarnot tasks of today have cost, those deleted included.
    let spending: SpendingLedger

    init(_ workspace: Workspace, group: EventLoopGroup, logger: Logger) throws(CommandError) {
        let watcher: EpochWatcher
        do { watcher = try EpochWatcher(workspace.database) } catch {
            throw CommandError(.unavailable, "The database cannot be read: \(error).")
        }
        var outbound = HTTPClient.Settings()
        outbound.userAgent = "gatehouse/\(Version.current)"
        self.workspace = workspace
        spending = SpendingLedger(store: KeptSpending(store: workspace.spending))
        self.group = group
        requests = RequestMetrics(loops: group.loops.count)
        traces = TraceBuffer(loops: group.loops.count)
        self.logger = logger
        self.watcher = watcher
        sleeper = LoopSleeper(group: group)
        client = HTTPClient(outbound)
        providers = ProviderClient(client: client)
        keySets = KeySetFetcher(client: client, sleeper: sleeper, server: workspace.configuration.server)
        auditor = Auditor(
            log: workspace.audit, logger: logger, loops: group.loops, pseudonyms: workspace.pseudonyms(epoch: { watcher.current }))
        let hasher = workspace.hasher
        attempts = AttemptThrottle(attempts: workspace.configuration.login.attempts, watchesAccounts: true) {
            hasher.digest(of: "attempt\u{0}" + $0).bytes
        }
        streams = StreamHub(sleeper: sleeper, keepAlive: workspace.configuration.server.keepAlive)
        let auditor = self.auditor
        grantUse = GrantUse(store: workspace.grants) { event, address in
            _ = await auditor.record([event], AuditContext(requestID: Workspace.freshRequestID("use-"), source: address))
        }
        continuity = Continuity(
            handles: HandleSealer(cipher: SealingKeys(workspace.handleKey)), instance: Random.text(12))
        tokenCache = TokenCache(shards: group.loops.count, epoch: { watcher.current })
        hashing = BlockingPool(threads: max(2, Processors.count), queueLimit: 64)
        reading = BlockingPool(threads: 1, queueLimit: 8)
    }

    /// Of sign-ins.
    var loginGuard: LoginGuard { LoginGuard(throttle: attempts, store: workspace.attempts, logger: logger) }
}

/// `MCP` says what sealing must do, `Crypto` does it.
extension SealingKeys: HandleCipher {}
