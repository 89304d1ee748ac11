internal import HTTP
internal import Logging
internal import Primitives
internal import Transport

/// Why a connection stops reading requests.
private enum Interruption: Error {
    /// The peer ended, went away or idled too long: nothing to answer.
    case gone
    case refused(RequestRefusal)
}

/// The life of one HTTP/1 connection: performs what `ServerConnection` decides.
extension LoopServer {
    private static let bufferSize = 4096

    func serveHTTP1(_ connection: Connection) async {
        var machine = ServerConnection(limits: service.limits.head)
        var input = ByteBuffer(capacity: Self.bufferSize)
        var output = ByteBuffer(capacity: Self.bufferSize)
        let certificate = service.tls == nil ? nil : connection.stream.peerCertificateDigest
        var next = ServerConnection.Next.readNext
        var isFirst = true
        while next == .readNext {
            do throws(Interruption) {
                let received = try await receive(connection, &machine, &input, &output, isFirst: isFirst)
                let context = RequestContext(
                    requestID: ids.next(), peer: connection.stream.peer, isSecure: connection.stream.isSecure,
                    loopIndex: loop.index, received: received, clientCertificateDigest: certificate)
                next = try await answer(connection, &machine, &output, context)
            } catch {
                guard case .refused(let refusal) = error else { return }
                next = await refuse(connection, &machine, &output, refusal)
            }
            isFirst = false
            input.shrink(to: 16 * Self.bufferSize)
            output.shrink(to: 16 * Self.bufferSize)
        }
        if next == .closeLingering {
            connection.stream.endWriting()
            await connection.stream.discardInput(limit: 256 * 1024, deadline: loop.now + service.limits.lingerTimeout)
        }
    }

    /// Reads until a request is whole. Returns when its head was.
    private func receive(
        _ connection: Connection, _ machine: inout ServerConnection, _ input: inout ByteBuffer,
        _ output: inout ByteBuffer, isFirst: Bool
    ) async throws(Interruption) -> MonotonicTime {
        let limits = service.limits
        // Since when the current phase is waited for; set when it begins.
        var since = loop.now
        var hasBegun = isFirst
        while true {
            let step = try advance(&machine, &input)
            let deadline: MonotonicTime
            switch step {
            case .respond: return since
            case .judge:
                since = loop.now
                try await judge(connection, &machine, expectsNothingYet: input.isEmpty, &output)
                continue
            case .awaitRequest: deadline = since + (isFirst ? limits.headerTimeout : limits.idleTimeout)
            case .awaitHead:
                if !hasBegun {
                    hasBegun = true
                    since = loop.now
                }
                deadline = since + limits.headerTimeout
            case .awaitBody: deadline = limits.bodyDeadline(from: loop.now, start: since, received: machine.bodyReceived)
            }
            connection.isIdle = step == .awaitRequest
            if isDraining, connection.isIdle { throw .gone }
            try await read(connection, machine, &input, step, deadline)
            connection.isIdle = false
        }
    }

    private func advance(
        _ machine: inout ServerConnection, _ input: inout ByteBuffer
    ) throws(Interruption) -> ServerConnection.Step {
        do throws(RequestRefusal) {
            let (step, consumed) = try input.withBytes { (bytes) throws(RequestRefusal) in try machine.advance(bytes) }
            input.consume(consumed)
            return step
        } catch {
            throw .refused(error)
        }
    }

    /// Asks the responder how large a body may be, and lets a waiting client send it.
    private func judge(
        _ connection: Connection, _ machine: inout ServerConnection, expectsNothingYet: Bool, _ output: inout ByteBuffer
    ) async throws(Interruption) {
        machine.request.fields.removeSpoofable()
        let mustContinue: Bool
        do throws(RequestRefusal) {
            mustContinue = try machine.acceptBody(limit: service.responder.bodyLimit(for: machine.request))
        } catch {
            throw .refused(error)
        }
        if mustContinue, expectsNothingYet {
            output.append("HTTP/1.1 100 Continue\r\n\r\n")
            try await flush(connection, &output)
        }
    }

    private func read(
        _ connection: Connection, _ machine: borrowing ServerConnection, _ input: inout ByteBuffer,
        _ step: ServerConnection.Step, _ deadline: MonotonicTime
    ) async throws(Interruption) {
        let room = step == .awaitBody ? 4 * Self.bufferSize : Self.bufferSize / 2
        let count: Int
        do throws(SocketError) {
            count = try await connection.stream.read(into: &input, room: room, deadline: deadline)
        } catch {
            guard error.code == .timeout, step != .awaitRequest else { throw .gone }
            throw .refused(step == .awaitHead ? .headTimeout : .bodyTimeout)
        }
        if count == 0 { throw .gone }
    }

    private func answer(
        _ connection: Connection, _ machine: inout ServerConnection, _ output: inout ByteBuffer, _ context: RequestContext
    ) async throws(Interruption) -> ServerConnection.Next {
        connection.stream.beginWork()
        defer { connection.stream.endWork() }
        let response = await service.responder.respond(to: machine.request, in: context)
        let head = ResponseHead(
            response, to: machine.request.method, machine.head, persists: machine.head.persists && !isDraining)
        head.write(response, date: dates.value(at: loop.now), into: &output)
        var isComplete = true
        if head.sendsBody {
            switch response.body {
            case .none: break
            case .bytes(let bytes): output.append(bytes)
            case .stream(let producer):
                try await flush(connection, &output)
                isComplete = await send(producer, connection, isChunked: head.framing == .chunked)
            }
        }
        try await flush(connection, &output)
        service.logger.debug(
            "request",
            [
                ("request.id", .text(context.requestID)), ("request.method", .string(machine.request.method.rawValue)),
                ("request.path", .string(machine.request.path)), ("response.status", .int(Int(response.status.code))),
                ("duration.ms", .duration(loop.now - context.received)),
            ])
        return machine.finish(keepsOpen: head.persists && isComplete)
    }

    /// Runs the producer. False when the body could not be completed.
    private func send(_ producer: BodyProducer, _ connection: Connection, isChunked: Bool) async -> Bool {
        let writer = StreamedBody(
            LoopBound(connection.stream, on: loop), isChunked: isChunked, limits: service.limits, loop: loop)
        await producer(writer)
        return (try? await writer.finish()) != nil
    }

    private func flush(_ connection: Connection, _ output: inout ByteBuffer) async throws(Interruption) {
        do throws(SocketError) {
            let deadline = service.limits.writeDeadline(from: loop.now, for: output.count)
            try await connection.stream.write(&output, deadline: deadline)
        } catch {
            throw .gone
        }
    }

    /// Answers a request no responder saw.
    private func refuse(
        _ connection: Connection, _ machine: inout ServerConnection, _ output: inout ByteBuffer, _ refusal: RequestRefusal
    ) async -> ServerConnection.Next {
        let id = ids.next()
        let peer = connection.stream.peer
        service.logger.info(
            "request refused",
            [("request.id", .text(id)), ("peer.address", .text(peer)), ("reason", .string(refusal.rawValue))])
        let response = Response.refusal(refusal.status, reason: refusal.rawValue, requestID: id)
        let head = ResponseHead(response, to: .get, RequestHead(), persists: false)
        head.write(response, date: dates.value(at: loop.now), into: &output)
        if case .bytes(let bytes) = response.body { output.append(bytes) }
        guard (try? await flush(connection, &output)) != nil else { return .close }
        return machine.refuse()
    }
}
