internal import HTTP
internal import Logging
internal import Primitives
internal import Transport

/// What happens before a connection is served: who it is behind a proxy, and what becomes of it when there are too many.
extension LoopServer {
    /// Reads the PROXY protocol header where the listener has one (HDR-2). False when the connection must end, without a word:
    /// whoever it is does not speak what is spoken here.
    func introduce(_ connection: Connection) async -> Bool {
        guard service.speaksProxy else { return true }
        guard rules.configuration.trustedProxies.isTrusted(connection.stream.peer) else {
            return refuseIntroduction(connection, "not a trusted proxy")
        }
        let deadline = rules.deadlines.handshake(from: loop.now)
        var bytes = ByteBuffer(capacity: 128)
        var wanted = ProxyHeader.fixedLength
        while true {
            guard (try? await connection.stream.readBeforeTLS(into: &bytes, upTo: wanted, deadline: deadline)) != nil else {
                return refuseIntroduction(connection, "no header")
            }
            do throws(ProxyHeader.Malformed) {
                if let header = try bytes.withBytes({ (bytes) throws(ProxyHeader.Malformed) in try ProxyHeader.parse(bytes) }) {
                    if let source = header.source { connection.peer = source }
                    return true
                }
            } catch {
                return refuseIntroduction(connection, error.rawValue)
            }
            wanted = ProxyHeader.fixedLength + bytes.withBytes { Int($0[14]) << 8 | Int($0[15]) }
        }
    }

    private func refuseIntroduction(_ connection: Connection, _ reason: String) -> Bool {
        let peer = connection.stream.peer
        service.logger.info("proxy header refused", [("peer.address", .text(peer)), ("reason", .string(reason))])
        return false
    }

    /// Tells a connection beyond the limits to come again.
    func excuse(_ connection: Connection) async {
        var output = ByteBuffer()
        if connection.stream.speaksHTTP2 {
            let session = HTTP2Session { _ in 0 }
            session.terminate(.enhanceYourCalm)
            _ = session.produce(into: &output, at: loop.now)
        } else {
            var response = Response.refusal(.serviceUnavailable, reason: "too_many_connections", requestID: ids.next())
            response.fields.append(.retryAfter, "1")
            let head = ResponseHead(response, to: .get, RequestHead(), persists: false)
            head.write(response, date: dates.value(at: loop.now), into: &output)
            if case .bytes(let bytes) = response.body { output.append(bytes) }
        }
        guard (try? await connection.stream.write(&output, deadline: rules.deadlines.linger(from: loop.now))) != nil else { return }
        connection.stream.endWriting()
        await connection.stream.discardInput(limit: 64 * 1024, deadline: rules.deadlines.linger(from: loop.now))
    }

    /// Makes room by ending connections that have idled longest: their clients open another when they need one. A few at once
    /// and not more often than ten times a second, since finding them means looking at all.
    func endOldestIdle() {
        guard loop.now - roomMadeAt >= .milliseconds(100) else { return }
        roomMadeAt = loop.now
        let idle = connections.values.filter { $0.isIdle && loop.now - $0.idleSince >= .seconds(1) }
        for connection in idle.sorted(by: { $0.idleSince < $1.idleSince }).prefix(max(1, idle.count / 32)) {
            connection.stream.abort()
        }
    }

    /// At most one line a second: a flood must not become a flood of lines.
    func noteCrowd(_ peer: IPAddress) {
        guard loop.now - crowdNotedAt >= .seconds(1) else { return }
        crowdNotedAt = loop.now
        service.logger.warning(
            "too many connections", [("peer.address", .text(peer)), ("server.connections", .int(service.openConnections))])
    }
}
