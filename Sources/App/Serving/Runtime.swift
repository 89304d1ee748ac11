import Client
import HTTP
import Logging
import OAuth
import Primitives
import Server
import Storage
import Transport

/// A running gateway: loops, listeners, housekeeping, from start to drained.
final class Runtime: Sendable {
    let composition: Composition
    let server: HTTPServer
    /// Where the gateway listens, with the ports the system chose.
    let endpoints: [Endpoint]
    let adminEndpoint: Endpoint?
    private let tls: TLSContext
    private let reload: @Sendable () throws(CommandError) -> Configuration
    private let housekeeping: Task<Void, Never>

    static let drainDeadline = Duration.seconds(10)

    private init(
        _ composition: Composition, _ server: HTTPServer, _ endpoints: [Endpoint], _ adminEndpoint: Endpoint?, _ tls: TLSContext,
        reload: @escaping @Sendable () throws(CommandError) -> Configuration
    ) {
        self.composition = composition
        self.server = server
        self.endpoints = endpoints
        self.adminEndpoint = adminEndpoint
        self.tls = tls
        self.reload = reload
        // Cancelled and awaited by `stop`.
        housekeeping = Task(executorPreference: composition.group.loops[0]) {
            await Housekeeping(composition.workspace, sleeper: LoopSleeper(group: composition.group), logger: composition.logger)
                .run()
        }
    }

    /// Opens everything and listens.
    static func start(
        configuration: Configuration, reload: @escaping @Sendable () throws(CommandError) -> Configuration
    ) async throws(CommandError) -> Runtime {
        let logger = makeLogger(configuration)
        let tls: TLSContext
        do { tls = try TLSContext(configuration.tlsFiles) } catch {
            throw CommandError(.configuration, "TLS cannot be set up: \(error). Check server.tls.")
        }
        let loops = try makeLoops(configuration.server.loops > 0 ? configuration.server.loops : Processors.count)
        let workspace = try await Workspace.open(configuration, node: "server")
        let composition = try Composition(workspace, group: loops, logger: logger)
        await workspace.recordQuietly(Event("server.started", details: [("version", .string(Version.current))]))
        let server = HTTPServer(group: loops, logger: logger)
        var endpoints: [Endpoint] = []
        for text in configuration.server.listen {
            endpoints.append(
                try listen(server, text, tls: tls, composition.gateway, configuration.serverLimits, "server.listen"))
        }
        var admin: Endpoint?
        if let text = configuration.server.adminListen {
            admin = try listen(server, text, tls: nil, composition.admin, ServerConfiguration(), "server.admin_listen")
        }
        return Runtime(composition, server, endpoints, admin, tls, reload: reload)
    }

    static func makeLoops(_ count: Int) throws(CommandError) -> EventLoopGroup {
        do { return try EventLoopGroup(count: count) } catch {
            throw CommandError(.unavailable, "The system refused an event loop: \(error). Raise the limit of open files.")
        }
    }

    static func makeLogger(_ configuration: Configuration) -> Logger {
        Logger(
            level: Logger.Level(rawValue: configuration.log.level) ?? .info,
            format: Logger.Format(rawValue: configuration.log.format) ?? .json)
    }

    static func listen(
        _ server: HTTPServer, _ text: String, tls: TLSContext?, _ responder: any Responder, _ limits: ServerConfiguration,
        _ setting: String
    ) throws(CommandError) -> Endpoint {
        guard let endpoint = Endpoint(text) else {
            throw CommandError(.configuration, "\(setting): \"\(text)\" is no address and port such as 127.0.0.1:8443.")
        }
        do { return try server.listen(on: endpoint, tls: tls, responder: responder, configuration: limits) } catch {
            throw CommandError(.unavailable, "Cannot listen on \(text): \(error). Is another program there?")
        }
    }

    /// Serves until SIGTERM or SIGINT; SIGHUP reads certificates and configuration again.
    func runUntilSignalled() async {
        let logger = composition.logger
        guard let signals = try? await SignalWatcher.install(on: composition.group.loops[0]) else {
            logger.error("signals cannot be watched")
            return await stop()
        }
        while let signal = await signals.next() {
            guard signal == .reload else { break }
            reloadFiles()
        }
        logger.notice("draining")
        await stop()
    }

    /// New handshakes use the new certificate. A setting that needs a restart is named, not half applied.
    private func reloadFiles() {
        do {
            let configuration = try reload()
            try tls.reload(configuration.tlsFiles)
            composition.logger.notice("certificates read again")
            let waiting = composition.workspace.configuration.sectionsNeedingRestart(for: configuration)
            if !waiting.isEmpty {
                composition.logger.warning(
                    "changed settings need a restart", [("config.sections", .text(waiting.joined(separator: ", ")))])
            }
            Task { await composition.workspace.recordQuietly(Event("tls.cert.reloaded")) }  // nobody waits: losing it loses a note
        } catch { composition.logger.error("reload refused; the old settings stay", [("error.message", .text("\(error)"))]) }
    }

    /// Finishes requests, then closes what they used, in the reverse order of opening.
    func stop() async {
        await server.drain(deadline: Self.drainDeadline)
        housekeeping.cancel()
        await housekeeping.value
        composition.client.stop()
        composition.watcher.stop()
        await composition.workspace.recordQuietly(Event("server.stopped"))
        await composition.workspace.close()
    }
}

extension Configuration {
    var tlsFiles: TLSContext.Files {
        TLSContext.Files(certificate: server.certificate ?? "", key: server.key ?? "", clientAuthorities: server.clientCA)
    }

    var serverLimits: ServerConfiguration {
        var limits = ServerConfiguration()
        limits.connections = server.connections
        limits.trustedProxies = TrustedProxies(server.trustedProxies)
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
