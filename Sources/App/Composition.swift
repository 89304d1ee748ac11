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

/// The tree of parts, top to bottom; reading it is reading the architecture. Made from one configuration; a reload makes the
/// next one over the same `SharedParts`.
struct Composition: Sendable {
    let shared: SharedParts
    /// The stores under this composition's configuration.
    let workspace: Workspace
    let gateway: Gateway
    let admin: AdminEndpoint
    private let fetcher: MetadataFetcher
    private let passwords: PasswordService
    /// What is known of the servers behind us; a reload that leaves one as it is keeps it.
    let upstreams: [UpstreamPart]

    /// - Parameters:
    ///   - configuration: nil takes the one the workspace was opened with.
    ///   - former: lends what its successor needs unchanged.
    init(
        _ shared: SharedParts, configuration: Configuration? = nil, replacing former: Composition? = nil
    ) throws(CommandError) {
        let workspace = configuration.map { shared.workspace.adopting($0) } ?? shared.workspace
        let configuration = workspace.configuration
        let before = former?.workspace.configuration
        let settings = configuration.oauthSettings
        let clock: @Sendable () -> Timestamp = { Timestamp.now() }
        let auditor = shared.auditor

        if let former, before?.limits.clientMetadata == configuration.limits.clientMetadata {
            fetcher = former.fetcher
        } else {
            fetcher = MetadataFetcher(
                client: shared.client, sleeper: shared.sleeper, quota: configuration.limits.clientMetadata,
                server: configuration.server)
        }
        let resolver = ClientResolver(
            store: workspace.clients, fetcher: configuration.oauth.clientMetadataDocuments ? fetcher : nil,
            redirectSchemes: settings.redirectSchemes, hosts: settings.clientHosts)
        var pages = Pages(frame: PageFrame(sendsStrictTransport: !configuration.isLocalhost))
        let security = BrowserSecurity(
            hasher: workspace.hasher, formKey: workspace.formKey, origin: settings.issuer)
        let sessions = BrowserSessions(store: workspace.sessions, users: workspace.users, security: security)
        if let former, before.map({ $0.login.hasSameCost(as: configuration.login) }) == true {
            passwords = former.passwords.adopting(configuration.passwordRules)
        } else {
            do {
                passwords = try PasswordService(
                    workspace.passwords, rules: configuration.passwordRules, pool: shared.hashing)
            } catch {
                throw CommandError(.software, "Password hashing does not work on this machine: \(error).")
            }
        }
        let throttle = shared.loginGuard
        let server = AuthorizationServer(
            settings: settings, hasher: workspace.hasher, resolver: resolver, clients: workspace.clients, users: workspace.users,
            grants: workspace.grants, tokens: workspace.tokens, singleUses: workspace.singleUses,
            pushedRequests: workspace.singleUses, devices: workspace.devices, consents: workspace.consents,
            approvals: workspace.approvals,
            keyring: workspace.keyring, keySets: shared.keySets, secretThrottle: LoginGuard(throttle: shared.secretAttempts),
            clock: clock)
        let factor = SecondFactor(
            store: workspace.factors, secrets: VaultFactorSecrets(vault: workspace.vault), throttle: throttle,
            hasher: workspace.hasher,
            passkeys: Passkeys(
                store: workspace.passkeys, users: workspace.users, singleUses: workspace.singleUses, hasher: workspace.hasher,
                security: security, issuer: settings.issuer))
        let federation =
            configuration.login.providers.isEmpty
            ? nil
            : FederatedLogin(
                providers: configuration.login.providers, server, directory: shared.providers, identities: workspace.identities,
                security: security, stateKey: HKDF.derive(from: workspace.formKey, info: "gatehouse oidc state v1"))
        let issuers = configuration.oauth.trustedIssuers
        let resourceServer = ResourceServer(
            server, cache: shared.tokenCache,
            foreign: issuers.isEmpty
                ? nil : ForeignTokens(issuers: issuers, keySets: shared.keySets, users: workspace.users),
            use: shared.grantUse)

        upstreams = try UpstreamPart.make(shared, configuration, settings, former: former?.upstreams ?? [])
        let routes =
            try Self.engines(shared, configuration, settings, resourceServer)
            + upstreams.map { $0.route(shared, configuration, settings, resourceServer) }

        for route in routes { pages.tools[route.resource.url] = route.tools }
        let flow = AuthorizationFlow(
            server, transactions: workspace.transactions, sessions: sessions, checker: passwords, factor: factor,
            throttle: throttle, security: security, pages: pages, traces: shared.flows,
            federation: federation)
        let account = AccountEndpoint(
            server: server, sessions: sessions, sessionStore: workspace.sessions, security: security,
            login: SignIn(
                users: workspace.users, checker: passwords, factor: factor, throttle: throttle, sessions: sessions,
                security: security),
            factor: factor,
            invitations: Invitations(store: workspace.factors, users: workspace.users, hasher: workspace.hasher),
            passwords: passwords, vault: workspace.vault,
            keyCheck: QarnotKeyCheck(settings: configuration.qarnotSettings, client: shared.client), pages: pages,
            providers: configuration.login.providers.map { ($0.name, $0.title) },
            engines: settings.resources.filter(configuration.takesKeys).map {
                AccountEndpoint.EngineName(name: $0.engine, title: $0.title)
            },
            auditor: auditor)

        self.shared = shared
        self.workspace = workspace
        gateway = Gateway(
            hosts: HostCheck(publicURL: settings.issuer),
            origins: CrossOrigin(origin: settings.issuer, allowed: configuration.server.allowedOrigins),
            addresses: AddressLimits(limits: configuration.limits, limiter: shared.limiter, metrics: shared.limitMetrics),
            auditor: auditor, pages: pages,
            metadata: MetadataEndpoint(settings: settings), authorization: AuthorizationRoutes(server, federation: federation),
            flow: flow, traces: shared.flows,
            device: DeviceFlow(server, sessions: sessions, security: security, throttle: throttle, pages: pages),
            account: account,
            administration: AdministrationEndpoint(
                account: account, approvals: workspace.approvals,
                security: SecurityLog(folder: configuration.audit.path, pool: shared.reading)),
            resourceServer: resourceServer, engines: routes, bodyLimit: configuration.server.bodyBytes,
            issuer: settings.issuer, requests: shared.requests,
            tracer: configuration.traces.endpoint.map { _ in
                RequestTracer(share: configuration.traces.share, buffer: shared.traces)
            })
        admin = AdminEndpoint(
            workspace: workspace, readiness: shared.readiness, upstreams: upstreams.map(\.upstream),
            metrics: MetricsReport(
                shared: shared, upstreams: upstreams.map(\.upstream), certificate: configuration.server.certificate),
            events: auditor.events)
    }

    private static func engines(
        _ shared: SharedParts, _ configuration: Configuration, _ settings: OAuthSettings, _ resourceServer: ResourceServer
    ) throws(CommandError) -> [Gateway.EngineRoute] {
        let watcher = shared.watcher
        var routes: [Gateway.EngineRoute] = []
        for resource in settings.resources where resource.engine == "qarnot" {
            let keys = VaultKeys(
                vault: shared.workspace.vault, engine: resource.engine, auditor: shared.auditor, epoch: { watcher.current })
            let auditor = shared.auditor
            let engine = QarnotEngine(
                settings: configuration.qarnotSettings, client: shared.client, keys: keys,
                budgets: configuration.engines.qarnotBudgets, ledger: shared.spending,
                cursorKey: HKDF.derive(from: shared.workspace.formKey, info: "qarnot cursors v1"),
                refused: { caller, tool, rule in
                    var event = Event("mcp.tool.denied", .denied, caller: caller, resource: resource.url)
                    (event.tool, event.engine, event.policy) = (tool, resource.engine, rule)
                    _ = await auditor.record([event], AuditContext(requestID: Workspace.freshRequestID()))
                })
            let whoami = WhoamiTool.make(engine: resource.engine, keys: keys, limits: configuration.limits)
            let registry: ToolRegistry
            do { registry = try ToolRegistry(configuration.confirming(engine.tools) + [whoami]) } catch {
                throw CommandError(.software, "The tools of \(resource.engine) are not consistent: \(error).")
            }
            let gate = ToolGate(
                engine: resource.engine, resource: resource, settings: settings, limits: configuration.limits,
                toolQuotas: configuration.limits.quotas(of: resource.engine), limiter: shared.limiter, cap: shared.calls,
                streamCap: shared.openStreams, auditor: shared.auditor, sleeper: shared.sleeper, metrics: shared.limitMetrics,
                standing: { await resourceServer.stillStands($0) })
            let info = ServerInfo(
                name: "gatehouse-\(resource.engine)", title: resource.title, version: Version.current,
                instructions: "Runs compute tasks on the signed-in user's own Qarnot account. Submit with submit_task, follow with "
                    + "wait_for_task or get_task, read output with get_task_logs.")
            var features = Features()
            features.hasTasks = registry.tools.contains { $0.taskSupport != .never }
            features.changes = shared.changes
            let content = QarnotContent(engine)
            features.prompts = content.mcpPrompts
            features.templates = content.mcpTemplates
            features.ownResources = content.ownResources
            features.complete = { await content.complete($0) }
            routes.append(
                Gateway.EngineRoute(
                    resource: resource,
                    endpoint: MCPEndpoint(
                        info: info, registry: registry, gate: gate, sleeper: shared.sleeper, streams: shared.streams,
                        features: features, continuity: shared.continuity),
                    publicTools: registry.tools.map(OpenAPIDocument.description),
                    tools: registry.tools.map { ($0.name, $0.permission) }))
        }
        return routes
    }
}

extension Configuration {
    /// The tools as policy wants them called.
    func confirming(_ tools: [Tool]) -> [Tool] {
        confirm == "destructive" ? tools.map { $0.annotations.isDestructive ? $0.confirming : $0 } : tools
    }

    var qarnotSettings: QarnotEngine.Settings {
        QarnotEngine.Settings(
            apiURL: engines.qarnotAPI, storageURL: engines.qarnotStorage, accountURL: oauthSettings.issuer + "/account")
    }

    /// Whether users keep a key for that engine.
    fileprivate func takesKeys(_ resource: ProtectedResource) -> Bool {
        upstreams.entries.first { $0.name == resource.engine }.map { $0.credential != nil } ?? true
    }

    /// The public URL names this machine itself.
    var isLocalhost: Bool { ["localhost", "127.0.0.1", "::1"].contains(URLReference(server.publicURL)?.host ?? "") }
}
