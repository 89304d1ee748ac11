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
import Vault

/// The tree of parts, top to bottom; reading it is reading the architecture.
struct Composition: Sendable {
    let workspace: Workspace
    let group: EventLoopGroup
    let logger: Logger
    let gateway: Gateway
    let admin: AdminEndpoint
    let watcher: EpochWatcher
    let client: HTTPClient

    init(_ workspace: Workspace, group: EventLoopGroup, logger: Logger) throws(CommandError) {
        let configuration = workspace.configuration
        let settings = configuration.oauthSettings
        let clock: @Sendable () -> Timestamp = { Timestamp.now() }
        let sleeper = LoopSleeper(group: group)
        let watcher: EpochWatcher
        do { watcher = try EpochWatcher(workspace.database) } catch {
            throw CommandError(.unavailable, "The database cannot be read: \(error).")
        }
        let epoch: @Sendable () -> UInt64 = { watcher.current }
        let auditor = Auditor(log: workspace.audit, logger: logger, loops: group.loops)
        let limiter = RateLimiter()

        var outbound = HTTPClient.Settings()
        outbound.userAgent = "gatehouse/\(Version.current)"
        let client = HTTPClient(outbound)
        let fetcher =
            configuration.oauth.clientMetadataDocuments
            ? MetadataFetcher(client: client, sleeper: sleeper, quota: configuration.limits.clientMetadata) : nil
        let resolver = ClientResolver(store: workspace.clients, fetcher: fetcher, redirectSchemes: settings.redirectSchemes)
        let pages = Pages(frame: PageFrame(sendsStrictTransport: !configuration.isLocalhost))
        let security = BrowserSecurity(
            hasher: workspace.hasher, formKey: workspace.formKey, origin: settings.issuer)
        let sessions = BrowserSessions(store: workspace.sessions, users: workspace.users, security: security)
        let passwords: PasswordService
        do {
            passwords = try PasswordService(
                argon: workspace.argon, pool: BlockingPool(threads: max(2, Self.cores), queueLimit: 64))
        } catch { throw CommandError(.software, "Password hashing does not work on this machine: \(error).") }
        let throttle = LoginGuard(throttle: AttemptThrottle(attempts: configuration.login.attempts))
        let flow = AuthorizationFlow(
            settings: settings, resolver: resolver, transactions: workspace.transactions, grants: workspace.grants,
            clients: workspace.clients, users: workspace.users, sessions: sessions, checker: passwords, throttle: throttle,
            security: security, hasher: workspace.hasher, pages: pages, clock: clock)
        let resourceServer = ResourceServer(
            settings: settings, tokens: workspace.tokens, hasher: workspace.hasher,
            cache: TokenCache(shards: group.loops.count, epoch: epoch), clock: clock)

        let routes = try Self.engines(
            workspace, settings, client: client, limiter: limiter, auditor: auditor, sleeper: sleeper, epoch: epoch,
            resourceServer: resourceServer)

        self.workspace = workspace
        self.group = group
        self.logger = logger
        self.watcher = watcher
        self.client = client
        gateway = Gateway(
            hosts: HostCheck(publicURL: settings.issuer),
            origins: CrossOrigin(origin: settings.issuer, allowed: configuration.server.allowedOrigins),
            addresses: AddressLimits(limits: configuration.limits, limiter: limiter), auditor: auditor, pages: pages,
            metadata: MetadataEndpoint(settings: settings),
            registration: RegistrationEndpoint(
                settings: settings, clients: workspace.clients, tokens: workspace.tokens, hasher: workspace.hasher, clock: clock),
            flow: flow,
            token: TokenEndpoint(
                settings: settings, resolver: resolver, grants: workspace.grants, hasher: workspace.hasher,
                clock: clock),
            revocation: RevocationEndpoint(
                resolver: resolver, grants: workspace.grants, tokens: workspace.tokens, hasher: workspace.hasher, clock: clock),
            account: AccountEndpoint(
                sessions: sessions, security: security,
                login: SignIn(users: workspace.users, checker: passwords, throttle: throttle, sessions: sessions),
                vault: workspace.vault, pages: pages,
                engines: settings.resources.map { AccountEndpoint.EngineName(name: $0.engine, title: $0.title) },
                issuer: settings.issuer, auditor: auditor, clock: clock),
            resourceServer: resourceServer, engines: routes, bodyLimit: configuration.server.bodyBytes)
        admin = AdminEndpoint(workspace: workspace)
    }

    static var cores: Int { Processors.count }

    private static func engines(
        _ workspace: Workspace, _ settings: OAuthSettings, client: HTTPClient, limiter: RateLimiter, auditor: Auditor,
        sleeper: any Sleeper, epoch: @escaping @Sendable () -> UInt64, resourceServer: ResourceServer
    ) throws(CommandError) -> [Gateway.EngineRoute] {
        let configuration = workspace.configuration
        let cap = ConcurrencyCap(limit: 8)
        var routes: [Gateway.EngineRoute] = []
        for resource in settings.resources {
            let keys = VaultKeys(vault: workspace.vault, engine: resource.engine, auditor: auditor, epoch: epoch)
            let engine = QarnotEngine(
                settings: QarnotEngine.Settings(
                    apiURL: configuration.engines.qarnotAPI, storageURL: configuration.engines.qarnotStorage,
                    accountURL: settings.issuer + "/account"),
                client: client, keys: keys)
            let whoami = WhoamiTool.make(engine: resource.engine, keys: keys, limits: configuration.limits)
            let registry: ToolRegistry
            do { registry = try ToolRegistry(engine.tools + [whoami]) } catch {
                throw CommandError(.software, "The tools of \(resource.engine) are not consistent: \(error).")
            }
            let gate = ToolGate(
                engine: resource.engine, resource: resource, settings: settings, limits: configuration.limits,
                toolQuotas: configuration.limits.quotas(of: resource.engine), limiter: limiter, cap: cap, auditor: auditor,
                sleeper: sleeper,
                standing: { await resourceServer.stillStands($0) })
            let info = ServerInfo(
                name: "gatehouse-\(resource.engine)", title: resource.title, version: Version.current,
                instructions: "Runs compute tasks on the signed-in user's own Qarnot account. Submit with submit_task, follow with "
                    + "wait_for_task or get_task, read output with get_task_logs.")
            routes.append(
                Gateway.EngineRoute(
                    resource: resource, endpoint: MCPEndpoint(info: info, registry: registry, gate: gate, sleeper: sleeper)))
        }
        return routes
    }
}

extension Configuration {
    /// The public URL names this machine itself.
    var isLocalhost: Bool { ["localhost", "127.0.0.1", "::1"].contains(URLReference(server.publicURL)?.host ?? "") }
}
