import Client
import HTTP
import Logging
import OAuth
import Primitives
import Server
import Storage
import Synchronization
import Transport

/// A running gateway: loops, listeners, housekeeping, from start to drained.
final class Runtime: Sendable {
    /// Reads the configuration again, in the way the command that serves read it first.
    typealias Source = @Sendable () throws(CommandError) -> Configuration

    let shared: SharedParts
    let server: HTTPServer
    /// Apart, so that readiness can still be asked while the gateway drains.
    let adminServer: HTTPServer
    let tls: TLSContext
    let source: Source
    let manager: ServiceManager
    let present: PresentState
    /// Until it was told to go.
    private let predecessor: Mutex<Predecessor?>
    private let housekeeping: Task<Void, Never>
    private let tracing: Task<Void, Never>

    var composition: Composition { present.composition }
    var logger: Logger { shared.logger }

    private init(
        _ present: PresentState, _ server: HTTPServer, _ adminServer: HTTPServer, _ tls: TLSContext, _ predecessor: Predecessor?,
        _ manager: ServiceManager, source: @escaping Source
    ) {
        let shared = present.composition.shared
        self.shared = shared
        self.server = server
        self.adminServer = adminServer
        self.tls = tls
        self.predecessor = Mutex(predecessor)
        self.manager = manager
        self.source = source
        self.present = present
        // Both cancelled and awaited by `close`.
        tracing = Task(executorPreference: shared.group.loops[0]) {
            await TraceExporter(
                buffer: shared.traces, client: shared.client, sleeper: shared.sleeper, logger: shared.logger,
                settings: { present.configuration.traces }
            ).run()
        }
        housekeeping = Task(executorPreference: shared.group.loops[0]) {
            await Housekeeping(
                shared.workspace, epoch: { shared.watcher.current }, sleeper: shared.sleeper, logger: shared.logger,
                grace: { present.configuration.oauth.refreshGrace }
            ).run()
        }
    }

    /// Opens everything, then listens. Whatever fails before that leaves a predecessor as it was.
    /// - Parameter takesOver: take the listening sockets of the server that runs on the same database, if one does.
    static func start(
        configuration: Configuration, manager: ServiceManager, takesOver: Bool = false, source: @escaping Source
    ) async throws(CommandError) -> Runtime {
        let logger = makeLogger(configuration)
        // Before any secret is in memory: the child gets a copy of nothing.
        let signing = try AuditSigning.start(configuration)
        let predecessor = try Predecessor.find(at: configuration.handoverPath, takesOver: takesOver)
        if predecessor != nil { try refuseMigration(configuration) }
        let tls = try makeTLS(configuration.tlsFiles)
        let group = try makeLoops(configuration.server.loops > 0 ? configuration.server.loops : Processors.count)
        let workspace = try await Workspace.open(configuration, node: "server")
        do throws(StoreError) { try await workspace.keyring.refresh(at: .now()) } catch { throw CommandError(error) }
        signing.keepCheckpoints(of: workspace.audit, configuration, logger)
        let shared = try SharedParts(workspace, group: group, logger: logger)
        do throws(StoreError) { try await shared.loginGuard.restore() } catch { throw CommandError(error) }
        let composition = try Composition(shared)
        let server = HTTPServer(group: group, logger: logger)
        let adminServer = HTTPServer(group: group, logger: logger)

        composition.shared.gauges.install { server.openConnections }
        ProcessMetrics.note()

        var inherited = InheritedSockets(activated: try manager.activatedSockets(), handedOver: predecessor?.takeSockets() ?? [])
        var bound: [(setting: String, sockets: [ListeningSocket])] = []
        for setting in configuration.server.listen {
            bound.append((setting, try bind(server, setting, "server.listen", &inherited)))
        }
        let admin = try configuration.server.adminListen.map { setting throws(CommandError) in
            (setting, try bind(adminServer, setting, "server.admin_listen", &inherited))
        }
        for sockets in inherited.unclaimed { bound.append(("\(sockets[0].endpoint)", sockets)) }
        await workspace.endUsersOfDisabledProviders()
        await workspace.recordQuietly(Event("server.started", details: [("version", .string(Version.current))]))

        let limits = configuration.serverLimits
        let sites = bound.map {
            PresentState.Site(
                setting: $0.setting,
                endpoint: server.serve(
                    $0.sockets, tls: tls, responder: composition.gateway, configuration: limits,
                    speaksProxy: configuration.server.proxyProtocol.contains($0.setting)))
        }
        let adminSite = admin.map {
            PresentState.Site(setting: $0.0, endpoint: adminServer.serve($0.1, tls: nil, responder: composition.admin))
        }
        return Runtime(
            PresentState(composition, sites: sites, admin: adminSite), server, adminServer, tls, predecessor, manager,
            source: source)
    }

    /// Serves until SIGTERM or SIGINT, or until another process has taken over; SIGHUP reads the configuration again.
    func runUntilSignalled() async {
        guard let signals = try? await SignalWatcher.install(on: shared.group.loops[0]) else {
            logger.error("signals cannot be watched")
            return await close()
        }
        predecessor.withLock { $0.take() }?.dismiss(logger)
        let handover = HandoverPoint(at: present.configuration.handoverPath, logger: logger) { [self] in offer() }
        handover?.start { SignalWatcher.postHandedOver() }
        manager.notify("READY=1\nSTATUS=Serving.")
        let watchdog = manager.watchdog(over: shared.group, sleeper: shared.sleeper)
        var isHandedOver = false
        serving: while let signal = await signals.next() {
            switch signal {
            case .reload: await reload()
            case .terminate: break serving
            case .handedOver:
                isHandedOver = true
                break serving
            }
        }
        if let successor = handover?.stop() { manager.notify("MAINPID=\(successor)") }
        let draining = Task { await drain(isHandedOver: isHandedOver) }
        // Awaited by nobody: the process ends with the drain. A second signal ends it at once.
        Task {
            while let signal = await signals.next() { if signal == .terminate { draining.cancel() } }
        }
        await draining.value
        watchdog?.cancel()
        await close()
    }

    /// The sockets a successor needs, by the address they listen on.
    private func offer() -> [[ListeningSocket]] {
        present.sites.map { server.sockets(of: $0.endpoint) }
            + [present.admin].compactMap { $0 }.map { adminServer.sockets(of: $0.endpoint) }
    }

    /// Closes what requests used, in the reverse order of opening.
    private func close() async {
        housekeeping.cancel()
        tracing.cancel()
        await housekeeping.value
        await tracing.value
        shared.client.stop()
        shared.watcher.stop()
        await shared.workspace.recordQuietly(Event("server.stopped"))
        await shared.workspace.close()
    }
}

// MARK: - Making the parts

extension Runtime {
    static func makeLoops(_ count: Int) throws(CommandError) -> EventLoopGroup {
        do { return try EventLoopGroup(count: count) } catch {
            throw CommandError(.unavailable, "The system refused an event loop: \(error). Raise the limit of open files.")
        }
    }

    /// A predecessor goes on with the tables it knows until it has drained.
    private static func refuseMigration(_ configuration: Configuration) throws(CommandError) {
        if (try? Database.isCurrent(path: configuration.databasePath)) == true { return }
        throw CommandError(
            .unavailable, "This version changes the tables of the database. Stop the running server, then start this one.")
    }

    static func makeTLS(_ files: TLSContext.Files) throws(CommandError) -> TLSContext {
        do { return try TLSContext(files) } catch {
            throw CommandError(.configuration, "TLS cannot be set up: \(error). Check server.tls.")
        }
    }

    private static func makeLogger(_ configuration: Configuration) -> Logger {
        Logger(level: configuration.logLevel, format: configuration.logFormat)
    }

    /// The sockets of one configured address: inherited ones, else new ones.
    static func bind(
        _ server: HTTPServer, _ text: String, _ setting: String, _ inherited: inout InheritedSockets
    ) throws(CommandError) -> [ListeningSocket] {
        guard let endpoint = Endpoint(text) else {
            throw CommandError(.configuration, "\(setting): \"\(text)\" is no address and port such as 127.0.0.1:8443.")
        }
        let ready = inherited.take(endpoint)
        guard ready.isEmpty else { return ready }
        do { return try server.bind(endpoint) } catch {
            throw CommandError(.unavailable, "Cannot listen on \(text): \(error). Is another program there?")
        }
    }
}

extension Configuration {
    var tlsFiles: TLSContext.Files {
        TLSContext.Files(certificate: server.certificate ?? "", key: server.key ?? "", clientAuthorities: server.clientCA)
    }

    var logLevel: Logger.Level { Logger.Level(rawValue: log.level) ?? .info }
    var logFormat: Logger.Format { Logger.Format(rawValue: log.format) ?? .json }

    /// Where a running server can be asked for its sockets: beside the database, of which there is one a server.
    var handoverPath: String { databasePath + ".handover" }

    var serverLimits: ServerConfiguration {
        var limits = ServerConfiguration()
        limits.connections = server.connections
        limits.connectionsPerAddress = server.connectionsPerAddress
        limits.bufferedBytes = server.bufferedBytes
        limits.trustedProxies = TrustedProxies(
            server.trustedProxies, form: TrustedProxies.Form(rawValue: server.forwarded) ?? .xForwardedFor)
        limits.head.fieldBlock = server.headerBytes
        limits.handshakeTimeout = server.handshakeTimeout
        limits.headerTimeout = server.headerTimeout
        limits.bodyIdleTimeout = server.bodyIdleTimeout
        limits.minimumRate = server.minRate
        limits.idleTimeout = server.idleTimeout
        return limits
    }
}

extension Workspace {
    /// For records nothing depends on: start, stop, reload.
    func recordQuietly(_ event: Event) async {
        var event = event
        event.actor = "system"
        try? await recordCommand(event)
    }
}
