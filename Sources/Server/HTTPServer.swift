package import HTTP
package import Logging
internal import Primitives
internal import Synchronization
package import Transport

/// Serves responders on addresses, over every loop of a group.
package final class HTTPServer: Sendable {
    private let group: EventLoopGroup
    private let logger: Logger
    private let parts = Mutex<[LoopServer]>([])

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
        configuration: ServerConfiguration = ServerConfiguration()
    ) throws(SocketError) -> Endpoint {
        var sockets = [try ListeningSocket(endpoint)]
        let bound = sockets[0].endpoint
        for _ in group.loops.dropFirst() { sockets.append(try ListeningSocket(bound)) }
        let service = Service(responder: responder, tls: tls, configuration: configuration, logger: logger)
        for (loop, socket) in zip(group.loops, sockets) {
            let part = LoopServer(service, on: loop)
            parts.withLock { $0.append(part) }
            // Awaited by nobody: ends when `drain` closes the listener.
            Task(executorPreference: loop) { await part.run(socket) }
        }
        logger.notice("listening", [("server.address", .text(bound)), ("server.tls", .bool(tls != nil))])
        return bound
    }

    /// Connections open now, on all listeners.
    package var openConnections: Int {
        var seen: Set<ObjectIdentifier> = []
        return parts.withLock { $0 }.map(\.service).filter { seen.insert(ObjectIdentifier($0)).inserted }
            .reduce(0) { $0 + $1.openConnections }
    }

    /// Stops accepting, ends idle connections, lets running requests finish for at most `deadline`, then cuts what is left.
    package func drain(deadline: Duration) async {
        let parts = parts.withLock { parts in
            defer { parts = [] }
            return parts
        }
        for part in parts { await part.drain() }
        await waitForConnections(of: parts, atMost: deadline)
        for part in parts { await part.abort() }
        // Cancelled tasks need a moment to return.
        await waitForConnections(of: parts, atMost: .seconds(1))
    }

    private func waitForConnections(of parts: [LoopServer], atMost duration: Duration) async {
        let loop = group.current
        let end = MonotonicTime.now() + duration
        while parts.contains(where: { $0.service.openConnections > 0 }), MonotonicTime.now() < end {
            guard (try? await loop.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }
}
