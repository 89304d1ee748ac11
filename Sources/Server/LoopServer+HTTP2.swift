internal import HTTP
internal import Logging
internal import Primitives
internal import Transport

/// The life of one HTTP/2 connection: one task reads, hands requests out and writes everything that is to be said; each
/// request is answered by a task of its own on the same loop (R10, R11).
extension LoopServer {
    /// Reads before what they brought is answered: more would only queue.
    private static let readsPerTurn = 8
    /// From the notice that the end is near to the end of new streams: time for those under way to arrive (RFC 9113 §6.8).
    private static let farewell = Duration.milliseconds(100)

    func serveHTTP2(_ connection: Connection) async {
        let http2 = HTTP2Exchange(
            connection, makeSession(connection.peer), certificate: connection.stream.clientCertificate, at: loop.now)
        connection.onDrain = { connection.stream.wakeReader() }
        defer { http2.end() }
        // As for HTTP/1, everything between two waits is synchronous on purpose.
        while true {
            guard let isAlive = readAll(http2) else { return }
            noteDrain(http2)
            switch writeAll(http2) {
            case .done: break
            case .mustWait: guard await writeSlowly(http2) else { return }
            case .gone: return
            }
            guard isAlive, !http2.session.isOver else { return }
            http2.noteHead(at: loop.now)
            connection.isIdle = http2.session.streams.isEmpty
            connection.idleSince = http2.activeAt
            do throws(SocketError) { try await connection.stream.waitForReading(until: deadline(of: http2)) } catch {
                guard error.code == .timeout, await timedOut(http2) else { return }
            }
        }
    }

    private func makeSession(_ peer: IPAddress) -> HTTP2Session {
        var limits = HTTP2Limits()
        limits.fieldBlock = rules.configuration.head.fieldBlock
        limits.fields = rules.configuration.head.fields
        return HTTP2Session(limits: limits) { stream in
            // From here on one set of rules for this request, whatever is reloaded meanwhile.
            let rules = self.rules
            let client = rules.configuration.trustedProxies.client(of: stream.request, peer: peer)
            stream.request.fields.removeSpoofable()
            stream.context = HTTP2Call(rules: rules, client: client)
            return rules.responder.bodyLimit(for: stream.request)
        }
    }

    /// Reads what is there and starts what it asks for. False when the session can only say goodbye; nil when the peer is gone.
    private func readAll(_ http2: HTTP2Exchange) -> Bool? {
        for _ in 0..<Self.readsPerTurn {
            spares.lend(to: &http2.input)
            let attempt = http2.connection.stream.tryRead(into: &http2.input, room: SpareBuffers.size / 2)
            guard case .bytes = attempt else {
                spares.collect(from: &http2.input)
                switch attempt {
                case .wantsRead, .wantsWrite: return true
                default: return nil
                }
            }
            http2.activeAt = loop.now
            let isAlive = http2.input.withBytes { http2.session.receive($0, at: loop.now) }
            http2.input.removeAll()
            handle(http2)
            if !isAlive { return false }
        }
        // The rest stays for the next turn: what was asked so far is answered first.
        http2.connection.stream.readAgain()
        return true
    }

    // MARK: Requests

    private func handle(_ http2: HTTP2Exchange) {
        guard !http2.session.events.isEmpty else { return }
        http2.session.takeEvents(into: &http2.events)
        for event in http2.events {
            switch event {
            case .whole(let stream): start(stream, http2)
            case .refused(let stream): refuse(stream, http2, stream.refusal?.status ?? .badRequest, stream.refusal?.rawValue ?? "")
            case .overloaded(let stream): refuse(stream, http2, .serviceUnavailable, "too_much_at_once")
            case .drained(let stream): (stream.context as? HTTP2Call)?.drained()
            case .closed(let stream): (stream.context as? HTTP2Call)?.end()
            }
        }
        http2.events.removeAll(keepingCapacity: true)
    }

    private func start(_ stream: HTTP2Stream, _ http2: HTTP2Exchange) {
        guard let call = stream.context as? HTTP2Call else { return http2.session.reset(stream, .internalError) }
        let request = http2.session.takeRequest(of: stream)
        let context = RequestContext(
            requestID: ids.next(), peer: call.client, isSecure: true, loopIndex: loop.index, received: stream.received,
            clientCertificate: http2.certificate, executor: loop)
        if let response = call.rules.responder.respondAtOnce(to: request, in: context) {
            http2.session.answer(stream, response, date: dates.value(at: loop.now), isWhole: true)
            return log(request, response.status, context)
        }
        // Awaited by nobody: ends with its answer, and is cancelled with its stream.
        call.task = Task.immediate(executorPreference: loop) {
            let response = await call.rules.responder.respond(to: request, in: context)
            await self.answer(stream, response, http2, call)
            self.log(request, response.status, context)
        }
    }

    private func answer(_ stream: HTTP2Stream, _ response: Response, _ http2: HTTP2Exchange, _ call: HTTP2Call) async {
        let isHead = stream.request.method == .head
        guard case .stream(let producer) = response.body, !isHead else {
            http2.session.answer(stream, response, date: dates.value(at: loop.now), isWhole: true)
            return http2.connection.stream.wakeReader()
        }
        http2.session.answer(stream, response, date: dates.value(at: loop.now), isWhole: false)
        http2.connection.stream.wakeReader()
        await producer(HTTP2Body(LoopBound(HTTP2Body.Target(http2, stream, call), on: loop), loop: loop))
        http2.session.finish(stream)
        http2.connection.stream.wakeReader()
    }

    private func refuse(_ stream: HTTP2Stream, _ http2: HTTP2Exchange, _ status: Status, _ reason: String) {
        let id = ids.next()
        service.logger.info(
            "request refused",
            [("request.id", .text(id)), ("peer.address", .text(http2.peer)), ("reason", .string(reason))])
        var response = Response.refusal(status, reason: reason, requestID: id)
        if status == .serviceUnavailable { response.fields.append(.retryAfter, "1") }
        http2.session.answer(stream, response, date: dates.value(at: loop.now), isWhole: true)
    }

    // MARK: Writing

    private enum Writing { case done, mustWait, gone }

    /// Writes until there is nothing to say, or the peer has to make room.
    private func writeAll(_ http2: HTTP2Exchange) -> Writing {
        while true {
            spares.lend(to: &http2.output)
            let hasMore = http2.session.produce(into: &http2.output, at: loop.now)
            while !http2.output.isEmpty {
                switch http2.connection.stream.tryWrite(http2.output) {
                case .bytes(let count): http2.output.consume(count)
                case .end, .failed: return .gone
                case .wantsRead, .wantsWrite: return .mustWait
                }
            }
            let hasNews = !http2.session.events.isEmpty
            handle(http2)
            if !hasMore, !hasNews { break }
        }
        spares.collect(from: &http2.output)
        return .done
    }

    /// The same for a peer that is slow to read. Until it reads, nothing more of it is read: it cannot make us queue answers.
    /// False when it is gone or too slow.
    private func writeSlowly(_ http2: HTTP2Exchange) async -> Bool {
        while true {
            let limit = rules.deadlines.write(from: loop.now, count: http2.output.count)
            do throws(SocketError) { try await http2.connection.stream.waitForWriting(until: limit) } catch { return false }
            switch writeAll(http2) {
            case .done: return true
            case .mustWait: continue
            case .gone: return false
            }
        }
    }

    // MARK: Waiting

    private func deadline(of http2: HTTP2Exchange) -> MonotonicTime {
        let deadlines = rules.deadlines
        let session = http2.session
        var first = loop.now + .seconds(3600)
        if let end = http2.endsAt { first = min(first, end) }
        if let begun = http2.headBegunAt { first = min(first, deadlines.header(from: begun)) }
        if session.streams.isEmpty {
            first = min(first, session.hasBegun ? deadlines.idle(from: http2.activeAt) : deadlines.header(from: http2.begunAt))
        }
        for stream in session.streams { first = min(first, http2.deadline(of: stream, deadlines)) }
        return first
    }

    private func timedOut(_ http2: HTTP2Exchange) async -> Bool {
        let now = loop.now
        let session = http2.session
        if let end = http2.endsAt, now >= end {
            http2.endsAt = nil
            session.refuseNewStreams()
        }
        for stream in session.streams where http2.deadline(of: stream, rules.deadlines) <= now {
            if stream.isReceiving { session.giveUp(on: stream) } else { session.reset(stream, .cancel) }
        }
        handle(http2)
        let isIdle = session.streams.isEmpty && deadline(of: http2) <= now && http2.endsAt == nil
        let isHeadLate = http2.headBegunAt.map { rules.deadlines.header(from: $0) <= now } ?? false
        if isIdle || isHeadLate {
            session.terminate(isHeadLate ? .enhanceYourCalm : .noError)
            if case .mustWait = writeAll(http2) { _ = await writeSlowly(http2) }
            return false
        }
        return true
    }

    private func noteDrain(_ http2: HTTP2Exchange) {
        guard isDraining, !http2.isEnding else { return }
        http2.isEnding = true
        http2.session.announceEnd()
        http2.endsAt = loop.now + Self.farewell
    }
}
