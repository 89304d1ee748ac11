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
///
/// Everything between two waits is synchronous on purpose: each `await` costs an executor check under a lock, so that a
/// request awaits its bytes and its responder and, as a rule, nothing else.
extension LoopServer {
    /// What of one connection outlives a wait.
    private struct Progress {
        /// When the present phase began.
        var since: MonotonicTime
        /// When the head of the present request was complete.
        var received = MonotonicTime(nanoseconds: 0)
        /// Who sent the present request, past trusted proxies.
        var client: IPAddress
        var isFirst = true
        /// Bytes of the body that the listener counts as held.
        var held = 0
        var step = ServerConnection.Step.awaitRequest
    }

    /// What the connection needs before it can go on.
    private enum Need {
        case answer
        case input(deadline: MonotonicTime)
        case room
        case permission
    }

    func serveHTTP1(_ connection: Connection) async {
        var rules = self.rules
        var machine = ServerConnection(limits: rules.configuration.head)
        // Both have memory only while bytes are on their way.
        var input = ByteBuffer()
        var output = ByteBuffer()
        let peer = connection.peer
        var progress = Progress(since: loop.now, client: peer)
        let certificate = service.tls == nil ? nil : connection.stream.clientCertificate
        var next = ServerConnection.Next.readNext
        while next == .readNext {
            do throws(Interruption) {
                receiving: while true {
                    switch try receive(connection, &rules, &machine, &input, &progress) {
                    case .answer: break receiving
                    case .input(let deadline): try await waitForInput(connection, &input, progress, until: deadline)
                    case .room: try await waitForRoom(connection)
                    case .permission:
                        output.append("HTTP/1.1 100 Continue\r\n\r\n")
                        try await flush(connection, &output)
                    }
                }
                let context = RequestContext(
                    requestID: ids.next(), peer: progress.client, isSecure: connection.stream.isSecure,
                    loopIndex: loop.index, received: progress.received, clientCertificate: certificate,
                    executor: loop)
                connection.stream.beginWork()
                spares.collect(from: &input)
                let response = await rules.responder.respond(to: machine.request, in: context)
                let head = write(response, to: machine, into: &output)
                var isComplete = true
                if head.sendsBody, case .stream(let producer) = response.body {
                    try await flush(connection, &output)
                    spares.collect(from: &output)
                    isComplete = await send(producer, connection, rules, isChunked: head.framing == .chunked)
                }
                if try !flushNow(connection, &output) { try await flush(connection, &output) }
                connection.stream.endWork()
                service.letGo(progress.held)
                progress.held = 0
                log(machine.request, response.status, context)
                next = machine.finish(keepsOpen: head.persists && isComplete)
            } catch {
                service.letGo(progress.held)
                guard case .refused(let refusal) = error else { return }
                next = await refuse(connection, &machine, &output, refusal)
            }
            progress = Progress(since: loop.now, client: peer, isFirst: false)
            spares.collect(from: &output)
        }
        if next == .closeLingering {
            // Nothing is owed any more: draining may cut it.
            connection.isIdle = true
            connection.stream.endWriting()
            await connection.stream.discardInput(limit: 256 * 1024, deadline: rules.deadlines.linger(from: loop.now))
        }
    }

    // MARK: Requests

    /// Goes as far as the bytes at hand allow.
    private func receive(
        _ connection: Connection, _ rules: inout ServingRules, _ machine: inout ServerConnection,
        _ input: inout ByteBuffer, _ progress: inout Progress
    ) throws(Interruption) -> Need {
        while true {
            let step = try advance(&machine, &input)
            if machine.bodyReceived > progress.held {
                guard service.hold(machine.bodyReceived - progress.held, rules) else { throw .refused(.tooManyBodies) }
                progress.held = machine.bodyReceived
            }
            if step != progress.step {
                // The head's time runs from its first byte; for the first request from accept.
                if step != .awaitHead || !progress.isFirst { progress.since = loop.now }
                progress.step = step
            }
            switch step {
            case .respond: return .answer
            case .judge:
                progress.received = loop.now
                // From here on one set of rules for this request, whatever is reloaded meanwhile.
                rules = self.rules
                progress.client = rules.configuration.trustedProxies.client(
                    of: machine.request, peer: connection.peer)
                machine.request.fields.removeSpoofable()
                if try accept(rules.responder.bodyLimit(for: machine.request), &machine), input.isEmpty { return .permission }
                continue
            case .awaitRequest, .awaitHead, .awaitBody: break
            }
            spares.lend(to: &input)
            switch connection.stream.tryRead(into: &input, room: step == .awaitBody ? 16 * 1024 : SpareBuffers.size / 2) {
            case .bytes: continue
            case .end, .failed: throw .gone
            case .wantsRead: return .input(deadline: deadline(machine, progress))
            case .wantsWrite: return .room
            }
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

    /// True when the client waits to be told to send its body.
    private func accept(_ limit: Int, _ machine: inout ServerConnection) throws(Interruption) -> Bool {
        do throws(RequestRefusal) { return try machine.acceptBody(limit: limit) } catch { throw .refused(error) }
    }

    private func deadline(_ machine: borrowing ServerConnection, _ progress: Progress) -> MonotonicTime {
        let deadlines = rules.deadlines
        switch progress.step {
        case .awaitBody: return deadlines.body(from: loop.now, start: progress.since, received: machine.bodyReceived)
        case .awaitRequest where !progress.isFirst: return deadlines.idle(from: progress.since)
        default: return deadlines.header(from: progress.since)
        }
    }

    private func waitForInput(
        _ connection: Connection, _ input: inout ByteBuffer, _ progress: Progress,
        until deadline: MonotonicTime
    ) async throws(Interruption) {
        let isIdle = progress.step == .awaitRequest
        spares.collect(from: &input)
        connection.isIdle = isIdle
        connection.idleSince = progress.since
        var deadline = deadline
        if isDraining, isIdle { deadline = min(deadline, progress.since + rules.configuration.lastRequestTimeout) }
        var limit = isIdle ? min(deadline, rules.deadlines.park(from: progress.since)) : deadline
        while true {
            do throws(SocketError) {
                try await connection.stream.waitForReading(until: limit)
                connection.isIdle = false
                return
            } catch {
                guard error.code == .timeout else { throw .gone }
                if limit < deadline {
                    // Idle for long enough that memory is worth more than the time to get it back.
                    connection.stream.park()
                    returnMemorySoon()
                    limit = deadline
                } else if isIdle {
                    throw .gone
                } else {
                    throw .refused(progress.step == .awaitHead ? .headTimeout : .bodyTimeout)
                }
            }
        }
    }

    // MARK: Answers

    private func write(
        _ response: Response, to machine: borrowing ServerConnection, into output: inout ByteBuffer
    ) -> ResponseHead {
        let head = ResponseHead(
            response, to: machine.request.method, machine.head, persists: machine.head.persists && !isDraining)
        spares.lend(to: &output)
        head.write(response, date: dates.value(at: loop.now), into: &output)
        if head.sendsBody, case .bytes(let bytes) = response.body { output.append(bytes) }
        return head
    }

    /// Runs the producer. False when the body could not be completed.
    private func send(
        _ producer: BodyProducer, _ connection: Connection, _ rules: ServingRules, isChunked: Bool
    ) async -> Bool {
        let writer = StreamedBody(
            LoopBound(connection.stream, on: loop), isChunked: isChunked, limits: rules.deadlines, loop: loop)
        await producer(writer)
        return (try? await writer.finish()) != nil
    }

    /// False when the peer has to make room first.
    private func flushNow(_ connection: Connection, _ output: inout ByteBuffer) throws(Interruption) -> Bool {
        while !output.isEmpty {
            switch connection.stream.tryWrite(output) {
            case .bytes(let count): output.consume(count)
            case .end, .failed: throw .gone
            case .wantsRead, .wantsWrite: return false
            }
        }
        return true
    }

    private func flush(_ connection: Connection, _ output: inout ByteBuffer) async throws(Interruption) {
        do throws(SocketError) {
            let deadline = rules.deadlines.write(from: loop.now, count: output.count)
            try await connection.stream.write(&output, deadline: deadline)
        } catch {
            throw .gone
        }
    }

    private func waitForRoom(_ connection: Connection) async throws(Interruption) {
        do throws(SocketError) {
            try await connection.stream.waitForWriting(until: rules.deadlines.write(from: loop.now, count: 0))
        } catch {
            throw .gone
        }
    }

    /// Answers a request no responder saw.
    private func refuse(
        _ connection: Connection, _ machine: inout ServerConnection, _ output: inout ByteBuffer, _ refusal: RequestRefusal
    ) async -> ServerConnection.Next {
        let id = ids.next()
        let peer = connection.peer
        service.logger.info(
            "request refused",
            [("request.id", .text(id)), ("peer.address", .text(peer)), ("reason", .string(refusal.rawValue))])
        var response = Response.refusal(refusal.status, reason: refusal.rawValue, requestID: id)
        if refusal == .tooManyBodies { response.fields.append(.retryAfter, "1") }
        let head = ResponseHead(response, to: .get, RequestHead(), persists: false)
        head.write(response, date: dates.value(at: loop.now), into: &output)
        if case .bytes(let bytes) = response.body { output.append(bytes) }
        guard (try? await flush(connection, &output)) != nil else { return .close }
        return machine.refuse()
    }

    func log(_ request: Request, _ status: Status, _ context: RequestContext) {
        service.logger.debug(
            "request",
            [
                ("request.id", .text(context.requestID)), ("request.method", .string(request.method.rawValue)),
                ("request.path", .string(request.path)), ("response.status", .int(Int(status.code))),
                ("duration.ms", .duration(loop.now - context.received)),
            ])
    }
}
