internal import HTTP
internal import Logging
internal import Primitives
internal import Transport

/// One listener's share of one loop: accepts connections and keeps account of them. All of its code runs on the loop's
/// thread, so that connections, buffers and caches need no locks.
actor LoopServer {
    nonisolated let loop: EventLoop
    nonisolated let service: Service
    /// For requests that begin now; `adopt` replaces them.
    private(set) var rules: ServingRules
    private var listeners: [Listener] = []
    private(set) var connections: [Int: Connection] = [:]
    private var nextConnection = 0
    private(set) var isDraining = false
    private var willReturnMemory = false
    /// When a crowd was last logged, and when room was last made.
    var crowdNotedAt = MonotonicTime(nanoseconds: 0)
    var roomMadeAt = MonotonicTime(nanoseconds: 0)
    let spares = SpareBuffers()
    var dates = DateCache()
    var ids = RequestIDs()

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// An open connection, as those see it who may have to end it.
    final class Connection {
        let stream: Stream
        /// Who is at the other end, or behind the proxy there.
        var peer: IPAddress
        let admission: Service.Admission
        /// No request is on its way in or being answered.
        var isIdle = false
        var idleSince = MonotonicTime(nanoseconds: 0)
        /// Has a connection that ends by itself do so; the others are ended when they idle.
        var onDrain: (() -> Void)?
        init(_ stream: Stream, _ admission: Service.Admission) {
            self.stream = stream
            self.admission = admission
            peer = stream.peer
        }
    }

    init(_ service: Service, _ rules: ServingRules, on loop: EventLoop) {
        self.service = service
        self.rules = rules
        self.loop = loop
    }

    /// Accepts until drained.
    func run(_ listening: ListeningSocket) async {
        do throws(SocketError) {
            let listener = try Listener(listening, on: loop)
            listeners.append(listener)
            if isDraining { listener.close() }
            await accept(from: listener)
        } catch {
            service.logger.error("cannot watch a listening socket", [("error", .text(error))])
        }
    }

    private static let acceptsPerTurn = 64

    private func accept(from listener: Listener) async {
        var count = 0
        while true {
            do throws(SocketError) {
                guard let accepted = try await listener.accept() else { return }
                admit(accepted)
                // A burst of new connections must not keep those that are open waiting.
                count += 1
                if count % Self.acceptsPerTurn == 0 { await Task.yield() }
            } catch {
                service.logger.error("cannot accept connections", [("error", .text(error))])
                // Out of descriptors: those that close meanwhile make room.
                guard (try? await loop.sleep(for: .milliseconds(100))) != nil else { return }
            }
        }
    }

    private func admit(_ accepted: consuming Listener.Accepted) {
        let peer = accepted.peer
        if service.isFull(rules) { endOldestIdle() }
        let admission = service.admit(peer, rules)
        if admission != .served { noteCrowd(peer) }
        guard admission != .dropped else { return }
        guard let stream = try? Stream(accepted, on: loop, tls: service.tls) else { return service.release(peer, admission, rules) }
        let connection = Connection(stream, admission)
        // Awaited by nobody: `serve` ends with its connection, which `drain` and `abort` see to.
        let task = Task.immediate(executorPreference: loop) { await self.serve(connection) }
        stream.setOwner(task)
    }

    private func serve(_ connection: Connection) async {
        let number = nextConnection
        nextConnection += 1
        connections[number] = connection
        defer {
            connection.stream.close()
            connections[number] = nil
            service.release(connection.stream.peer, connection.admission, rules)
        }
        guard await introduce(connection) else { return }
        do throws(SocketError) {
            try await connection.stream.handshake(deadline: rules.deadlines.handshake(from: loop.now))
        } catch {
            let peer = connection.stream.peer
            service.logger.debug("handshake failed", [("peer.address", .text(peer)), ("error", .text(error))])
            return
        }
        guard connection.admission == .served else { return await excuse(connection) }
        if connection.stream.speaksHTTP2 { await serveHTTP2(connection) } else { await serveHTTP1(connection) }
    }

    /// Has the allocator give freed pages back to the system, once for all connections parked within seconds: they lie
    /// between small live pieces, where it would keep them.
    func returnMemorySoon() {
        guard !willReturnMemory else { return }
        willReturnMemory = true
        // Awaited by nobody: ends by itself, or when the loop stops.
        Task.immediate(executorPreference: loop) {
            if (try? await loop.sleep(for: .seconds(2))) != nil { EventLoop.returnFreedMemory() }
            willReturnMemory = false
        }
    }

    /// Serves requests that begin from now on by other rules.
    func adopt(_ rules: ServingRules) { self.rules = rules }

    /// Stops accepting and ends the idle connections; the others end with their present answer.
    /// - Parameter keepsSockets: another process goes on accepting from them.
    func drain(keepsSockets: Bool) {
        isDraining = true
        for listener in listeners { listener.close(keepsSocket: keepsSockets) }
        listeners = []
        let grace = rules.configuration.lastRequestTimeout
        endIdle(for: grace)
        for connection in connections.values { connection.onDrain?() }
        // Awaited by nobody: ends by itself, or when the loop stops.
        Task.immediate(executorPreference: loop) {
            if (try? await loop.sleep(for: grace)) != nil { endIdle(for: .zero) }
        }
    }

    private func endIdle(for duration: Duration) {
        for connection in connections.values
        where connection.isIdle && connection.onDrain == nil && loop.now - connection.idleSince >= duration {
            connection.stream.abort()
        }
    }

    /// Ends every connection, whatever it does.
    func abort() {
        for connection in connections.values { connection.stream.abort() }
    }
}
