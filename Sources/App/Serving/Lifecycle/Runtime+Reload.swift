import Logging
import MCP
import OAuth
import Policy
import Primitives
import Server
import Transport

extension Runtime {
    /// Takes over a changed configuration and changed certificates, all of it or, when anything is wrong, nothing.
    func reload() async {
        manager.notify("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.now().nanoseconds / 1000)")
        do throws(CommandError) {
            let next = try prepare()
            try await record(next.change)
            try await adopt(next)
        } catch {
            // A line each, so that none is cut.
            for line in error.message.split(separator: "\n") {
                logger.error("reload refused; the old configuration stays", [("error.message", .string(String(line)))])
            }
            await shared.workspace.recordQuietly(Event("config.reloaded", .failure, reason: "refused"))
        }
        manager.notify("READY=1\nSTATUS=Serving.")
    }

    /// Everything a reload needs, made and found good, and nothing in use yet.
    private struct Next {
        let change: ConfigurationChange
        let composition: Composition
        /// Sockets for addresses that are new.
        let sites: [Bound]
        let admin: Bound?

        typealias Bound = (setting: String, sockets: [ListeningSocket])
    }

    private func prepare() throws(CommandError) -> Next {
        let before = present.composition
        let change = before.workspace.configuration.change(to: try source())
        let settings = change.configuration.server
        _ = try Self.makeTLS(change.configuration.tlsFiles)
        let composition = try Composition(shared, configuration: change.configuration, replacing: before)
        var none = InheritedSockets()
        var sites: [Next.Bound] = []
        for setting in settings.listen where !present.sites.contains(where: { $0.setting == setting }) {
            sites.append((setting, try Self.bind(server, setting, "server.listen", &none)))
        }
        var admin: Next.Bound?
        if let setting = settings.adminListen, setting != present.admin?.setting {
            admin = (setting, try Self.bind(adminServer, setting, "server.admin_listen", &none))
        }
        return Next(change: change, composition: composition, sites: sites, admin: admin)
    }

    /// Before the change, like every act of administration (AUD-3): the names of all, and what of them may be told.
    private func record(_ change: ConfigurationChange) async throws(CommandError) {
        var event = Event("config.reloaded", actor: "system")
        event.details = [
            ("changed", .array(change.changed.map { .string($0) })),
            ("needs_restart", .array(change.needingRestart.map { .string($0) })),
        ]
        try await shared.workspace.recordCommand(event)
        guard !change.differences.isEmpty else { return }
        try await shared.workspace.recordCommand(
            Event("config.changed", actor: "system", details: [("diff", .array(change.differences.map(\.json)))]))
    }

    private func adopt(_ next: Next) async throws(CommandError) {
        let configuration = next.change.configuration
        do { try tls.reload(configuration.tlsFiles) } catch {
            throw CommandError(.configuration, "TLS cannot be set up: \(error). Check server.tls.")
        }
        await shared.workspace.recordQuietly(Event("tls.cert.reloaded"))
        shared.logger.adjust(level: configuration.logLevel, format: configuration.logFormat)
        shared.attempts.adjust(attempts: configuration.login.attempts)
        shared.streams.keepAlive = configuration.server.keepAlive
        await server.adopt(responder: next.composition.gateway, configuration: configuration.serverLimits)
        await adminServer.adopt(responder: next.composition.admin, configuration: ServerConfiguration())
        await next.composition.workspace.endUsersOfDisabledProviders()
        await move(to: next)
        logger.notice(
            "configuration reloaded", [("config.changed", .string(next.change.changed.joined(separator: ", ")))])
        if !next.change.needingRestart.isEmpty {
            logger.warning(
                "changed settings need a restart",
                [("config.settings", .string(next.change.needingRestart.joined(separator: ", ")))])
        }
    }

    /// Serves new addresses and leaves those that are no longer named.
    private func move(to next: Next) async {
        let settings = next.change.configuration.server
        let activated = manager.activatedEndpoints
        var sites = present.sites.filter { settings.listen.contains($0.setting) || activated.contains($0.endpoint) }
        let left = present.sites.filter { site in !sites.contains { $0.setting == site.setting } }
        sites += next.sites.map { bound in
            PresentState.Site(
                setting: bound.setting,
                endpoint: server.serve(
                    bound.sockets, tls: tls, responder: next.composition.gateway,
                    configuration: next.change.configuration.serverLimits,
                    speaksProxy: settings.proxyProtocol.contains(bound.setting)))
        }
        var admin = settings.adminListen == present.admin?.setting ? present.admin : nil
        if let bound = next.admin {
            admin = PresentState.Site(
                setting: bound.setting, endpoint: adminServer.serve(bound.sockets, tls: nil, responder: next.composition.admin))
        }
        let formerAdmin = present.admin
        present.replace(next.composition, sites: sites, admin: admin)
        for site in left { await server.leave(site.endpoint) }
        if let formerAdmin, formerAdmin.setting != admin?.setting { await adminServer.leave(formerAdmin.endpoint) }
    }
}
