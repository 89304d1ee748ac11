package import HTTP
package import Logging
internal import Primitives
internal import Synchronization
package import Transport

/// Serves responders on addresses, over every loop of a group.
package final class HTTPServer: Sendable {
    private let group: EventLoopGroup
    private let logger: Logger
    private let sites = Mutex<[Site]>([])

    /// One address and what serves it, a part on each loop.
    private struct Site {
        let endpoint: Endpoint
        /// Empty once the address was left; connections may still be open then.
        var sockets: [ListeningSocket]
        let parts: [LoopServer]
    }

    package init(group: EventLoopGroup, logger: Logger) {
        self.group = group
        self.logger = logger
    }

    /// Listens, one socket a loop, until `drain`.
    /// - Parameter tls: nil serves plain HTTP; for loopback only.
    /// - Returns: where it listens, with the port the system chose for 0.
    /// - Throws: `SocketError` of code `.bind` when the address cannot be had.
    @discardableResult
    package func listen(
        on endpoint: Endpoint, tls: TLSContext?, responder: any Responder,
        configuration: ServerConfiguration = ServerConfiguration(), speaksProxy: Bool = false
    ) throws(SocketError) -> Endpoint {
        serve(try bind(endpoint), tls: tls, responder: responder, configuration: configuration, speaksProxy: speaksProxy)
    }

    /// Takes an address without serving it yet: one socket a loop, so that each loop has a queue of its own.
    /// - Throws: `SocketError` of code `.bind` when the address cannot be had.
    package func bind(_ endpoint: Endpoint) throws(SocketError) -> [ListeningSocket] {
        var sockets = [try ListeningSocket(endpoint)]
        for _ in group.loops.dropFirst() { sockets.append(try ListeningSocket(sockets[0].endpoint)) }
        return sockets
    }

    /// Serves one address from sockets that are bound already, ours or another process's.
    /// - Parameter sockets: at least one, all of the same address. Every one has a loop that accepts from it, whatever their
    ///   number: the kernel gives each a share of the connections.
    ///   - speaksProxy: connections begin with a PROXY protocol header, and come from trusted proxies only.
    @discardableResult
    package func serve(
        _ sockets: [ListeningSocket], tls: TLSContext?, responder: any Responder,
        configuration: ServerConfiguration = ServerConfiguration(), speaksProxy: Bool = false
    ) -> Endpoint {
        let endpoint = sockets[0].endpoint
        let service = Service(tls: tls, logger: logger, speaksProxy: speaksProxy)
        let rules = ServingRules(responder: responder, configuration: configuration)
        let parts = group.loops.map { LoopServer(service, rules, on: $0) }
        sites.withLock { sites in
            sites.removeAll { $0.sockets.isEmpty && $0.parts.allSatisfy { $0.service.openConnections == 0 } }
            sites.append(Site(endpoint: endpoint, sockets: sockets, parts: parts))
        }
        for index in 0..<max(sockets.count, parts.count) {
            let (part, socket) = (parts[index % parts.count], sockets[index % sockets.count])
            // Awaited by nobody: ends when `drain` closes the listener.
            Task(executorPreference: part.loop) { await part.run(socket) }
        }
        logger.notice("listening", [("server.address", .text(endpoint)), ("server.tls", .bool(tls != nil))])
        return endpoint
    }

    /// Serves requests that begin from now on by another responder and other limits; those that run keep theirs.
    package func adopt(responder: any Responder, configuration: ServerConfiguration) async {
        let rules = ServingRules(responder: responder, configuration: configuration)
        for part in sites.withLock({ $0.flatMap(\.parts) }) { await part.adopt(rules) }
    }

    /// Leaves one address: no new connections there, those that are open end with their present answer.
    package func leave(_ endpoint: Endpoint) async {
        let parts = sites.withLock { sites -> [LoopServer] in
            guard let index = sites.firstIndex(where: { $0.endpoint == endpoint && !$0.sockets.isEmpty }) else { return [] }
            sites[index].sockets = []
            return sites[index].parts
        }
        for part in parts { await part.drain(keepsSockets: false) }
    }

    /// The sockets of an address, for another process to accept from.
    package func sockets(of endpoint: Endpoint) -> [ListeningSocket] {
        sites.withLock { $0.filter { $0.endpoint == endpoint }.flatMap(\.sockets) }
    }

    /// Connections open now, on all listeners.
    package var openConnections: Int { openConnections(of: sites.withLock { $0.flatMap(\.parts) }) }

    private func openConnections(of parts: [LoopServer]) -> Int {
        var seen: Set<ObjectIdentifier> = []
        return parts.map(\.service).filter { seen.insert(ObjectIdentifier($0)).inserted }.reduce(0) { $0 + $1.openConnections }
    }

    /// Stops accepting, ends idle connections, lets running requests finish for at most `deadline`, then cuts what is left.
    /// - Parameters:
    ///   - keepsSockets: another process goes on accepting from the same sockets.
    ///   - lastCall: runs a second before the deadline, or halfway where that is sooner, when requests still run: to end in
    ///     words what else would be cut.
    /// Cancelling the task cuts everything at once.
    package func drain(deadline: Duration, keepsSockets: Bool = false, lastCall: @Sendable () -> Void = {}) async {
        let parts = sites.withLock { sites in
            defer { sites = [] }
            return sites.flatMap(\.parts)
        }
        for part in parts { await part.drain(keepsSockets: keepsSockets) }
        let reserve = min(.seconds(1), deadline / 2)
        await waitForConnections(of: parts, atMost: deadline - reserve)
        if openConnections(of: parts) > 0 {
            lastCall()
            await waitForConnections(of: parts, atMost: reserve)
        }
        for part in parts { await part.abort() }
        // Cancelled tasks need a moment to return, also where this one is cancelled itself: hence a task of its own.
        await Task { await waitForConnections(of: parts, atMost: .seconds(1)) }.value
    }

    private func waitForConnections(of parts: [LoopServer], atMost duration: Duration) async {
        let loop = group.current
        let end = MonotonicTime.now() + duration
        while openConnections(of: parts) > 0, MonotonicTime.now() < end {
            guard (try? await loop.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }
}
