internal import HTTP
internal import Primitives
package import Transport

/// Keep-alive connections from one loop to one upstream (R13): the one used last is used next, nothing is locked, nothing
/// crosses loops. Not `Sendable`.
package final class UpstreamPool {
    /// Connections of one loop, running and idle; beyond it `.busy`.
    static let connectionLimit = 256
    static let idleLimit = 64
    static let connectTimeout = Duration.seconds(5)

    private let origin: UpstreamOrigin
    private let resolver: any HostResolver
    private let loop: EventLoop
    private let patience: UpstreamPatience
    private var idle: [UpstreamConnection] = []
    private var count = 0
    private var addresses: [IPAddress] = []
    private var resolvedAt = MonotonicTime(nanoseconds: .min)

    /// Only on the loop.
    package init(_ origin: UpstreamOrigin, resolver: any HostResolver, patience: UpstreamPatience, on loop: EventLoop) {
        loop.checkIsolated()
        self.patience = patience
        self.origin = origin
        self.resolver = resolver
        self.loop = loop
    }

    /// Sends a request and waits for the head of its answer.
    /// - Throws: `ClientError`; `mayHaveBeenSent` tells whether the upstream can have acted on it.
    package func send(
        _ request: UpstreamRequest, cancellation: UpstreamCancellation
    ) async throws(ClientError) -> UpstreamExchange {
        let deadline = MonotonicTime.now() + request.timeout
        while let connection = takeIdle(isRepeatable: request.isRepeatable) {
            do throws(Broken) {
                return try await exchange(request, on: connection, cancellation, deadline)
            } catch {
                // A reused connection that died before any byte of an answer: the peer had closed it (R13).
                guard error.isUntouched, request.isRepeatable, !cancellation.isCancelled else { throw error.reason }
            }
        }
        guard count < Self.connectionLimit else { throw ClientError(.busy, detail: "too many connections to this upstream") }
        count += 1
        let connection: UpstreamConnection
        do throws(ClientError) { connection = try await connect(deadline) } catch {
            count -= 1
            throw error
        }
        do throws(Broken) { return try await exchange(request, on: connection, cancellation, deadline) } catch {
            throw error.reason
        }
    }

    /// The exchange on a connection ended; it goes back for the next one unless the peer wants it closed.
    func giveBack(_ connection: UpstreamConnection, persists: Bool) {
        guard persists, connection.isFit, idle.count < Self.idleLimit else { return discard(connection) }
        connection.idleSince = .now()
        connection.isReused = true
        idle.append(connection)
    }

    func discard(_ connection: UpstreamConnection) {
        connection.stream.close()
        count -= 1
    }

    /// The most recently used connection that seems alive; older ones that are past their time are closed on the way.
    private func takeIdle(isRepeatable: Bool) -> UpstreamConnection? {
        let now = MonotonicTime.now()
        if let oldest = idle.first, now - oldest.idleSince > patience.idle {
            let stale = idle.prefix { now - $0.idleSince > patience.idle || !$0.isFit }
            for connection in stale { discard(connection) }
            idle.removeFirst(stale.count)
        }
        while let connection = idle.last, isRepeatable || now - connection.idleSince < patience.fresh {
            idle.removeLast()
            if connection.isFit { return connection }
            discard(connection)
        }
        return nil
    }

    /// Why an exchange brought no head, and whether no byte of one came.
    private struct Broken: Error {
        let reason: ClientError
        var isUntouched = false
    }

    private func exchange(
        _ request: UpstreamRequest, on connection: UpstreamConnection, _ cancellation: UpstreamCancellation,
        _ deadline: MonotonicTime
    ) async throws(Broken) -> UpstreamExchange {
        guard cancellation.attach(connection.stream, on: loop) else {
            discard(connection)
            throw Broken(reason: ClientError(.cancelled))
        }
        do throws(Broken) {
            let head = try await answer(request, on: connection, cancellation, deadline)
            return UpstreamExchange(head, connection, self, cancellation)
        } catch {
            cancellation.detach()
            discard(connection)
            throw error
        }
    }

    private func answer(
        _ request: UpstreamRequest, on connection: UpstreamConnection, _ cancellation: UpstreamCancellation,
        _ deadline: MonotonicTime
    ) async throws(Broken) -> UpstreamHead {
        do throws(SocketError) { try await connection.send(request, to: origin, deadline: deadline) } catch {
            throw broken(error, connection, cancellation)
        }
        var parser = ResponseHeadParser()
        var interim = 0
        while interim <= 8 {
            if let head = try parse(&parser, connection, isHead: request.method == .head) {
                connection.input.consume(head.length)
                if head.status >= 200 { return head }
                interim += 1
                parser = ResponseHeadParser()
                continue
            }
            do throws(SocketError) {
                if try await !connection.fill(deadline: deadline) { throw SocketError(.closed) }
            } catch {
                throw broken(error, connection, cancellation)
            }
        }
        throw Broken(reason: ClientError(.transport, mayHaveBeenSent: true, detail: "only interim answers came"))
    }

    private func parse(
        _ parser: inout ResponseHeadParser, _ connection: UpstreamConnection, isHead: Bool
    ) throws(Broken) -> UpstreamHead? {
        do throws(UpstreamRefusal) {
            return try connection.input.withBytes { (bytes) throws(UpstreamRefusal) in try parser.parse(bytes, isHead: isHead) }
        } catch {
            throw Broken(
                reason: ClientError(.transport, mayHaveBeenSent: true, detail: "the answer is no HTTP: \(error.rawValue)"))
        }
    }

    private func broken(_ error: SocketError, _ connection: UpstreamConnection, _ cancellation: UpstreamCancellation) -> Broken {
        let code: ClientError.Code = cancellation.isCancelled ? .cancelled : error.code == .timeout ? .timeout : .transport
        return Broken(
            reason: ClientError(code, mayHaveBeenSent: true, detail: error.description),
            isUntouched: connection.isReused && connection.input.isEmpty && error.code == .closed)
    }

    /// Tries the addresses in order, none for longer than the rest of the time to connect.
    private func connect(_ deadline: MonotonicTime) async throws(ClientError) -> UpstreamConnection {
        let limit = min(deadline, MonotonicTime.now() + Self.connectTimeout)
        var failure = ClientError(.connect)
        for address in try await resolve() {
            do throws(SocketError) {
                let stream = try await Stream.connect(
                    to: Endpoint(address, port: origin.port), on: loop, tls: origin.tls, name: origin.host, deadline: limit)
                return UpstreamConnection(stream)
            } catch {
                let code: ClientError.Code =
                    switch error.code {
                    case .timeout: .timeout
                    case .tls: .tls
                    default: .connect
                    }
                failure = ClientError(code, detail: error.description)
            }
        }
        throw failure
    }

    /// The addresses of the origin, asked again after 30 s.
    private func resolve() async throws(ClientError) -> [IPAddress] {
        if let address = IPAddress(origin.host) { return [address] }
        let now = MonotonicTime.now()
        if !addresses.isEmpty, now - resolvedAt < .seconds(30) { return addresses }
        do throws(GuardError) { addresses = try await resolver.addresses(of: origin.host) } catch {
            guard !addresses.isEmpty else { throw ClientError(.resolve, detail: "\(error)") }
        }
        resolvedAt = now
        return addresses
    }
}
