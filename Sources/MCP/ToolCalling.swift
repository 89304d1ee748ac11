internal import HTTP
internal import Primitives

/// `tools/call` in every era: parse, ask the gate, run, record, answer as JSON or as an event stream.
extension MCPEndpoint {
    func call(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        switch prepare(message, id, exchange) {
        case .settled(let response): return response
        case .admitted(let run): return await start(run, exchange)
        case .pending(let run):
            switch await gate.settle(run.call, run.reply.fields, in: exchange.context) {
            case .refused(let refusal): return refuse(refusal, id: id)
            case .admitted(let fields): return await start(run.answering(with: fields), exchange)
            }
        }
    }

    private func start(_ run: Run, _ exchange: Exchange) async -> Response {
        run.call.tool.isLocal ? await runLocal(run, exchange) : await runRemote(run, exchange)
    }

    /// How far a call comes without a wait.
    private enum Prepared {
        case settled(Response)
        case admitted(Run)
        /// The gate has to wait for something.
        case pending(Run)
    }

    @inline(never) private func prepare(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Prepared {
        guard let name = message.params?["name"]?.string else {
            return .settled(reply(RPCError(.invalidParams, "params.name must be a string."), id: id))
        }
        // A tool the caller may not see is still judged by the gate: a scope remedy must be told (RS-8).
        guard let tool = registry[name] else {
            return .settled(reply(RPCError(.invalidParams, "There is no such tool."), id: id))
        }
        let view = message.params?["arguments"]
        guard view?.isObject ?? true else {
            return .settled(reply(RPCError(.invalidParams, "params.arguments must be an object."), id: id))
        }
        let round: Round?
        do throws(RPCError) {
            if !tool.mirrored.isEmpty { try checkMirrors(of: tool, view, exchange) }
            if tool.taskSupport == .required { try requireTasks(message, exchange) }
            round = try openRound(message, arguments: view, exchange)
        } catch { return .settled(answer(error, id: id, exchange.revision)) }
        let call = ToolCall(
            tool: tool, argumentBytes: view.map { Array($0.rawBytes) } ?? Array("{}".utf8), caller: exchange.caller,
            revision: exchange.revision)
        func run(_ fields: Fields) -> Run {
            Run(
                call: call, arguments: view?.value.object ?? JSONObject(),
                reply: Reply(id: id, revision: exchange.revision, fields: fields),
                progressToken: message.meta?["progressToken"]?.value, params: message.params, round: round)
        }
        switch gate.judge(call, in: exchange.context) {
        case .settled(.refused(let refusal)): return .settled(refuse(refusal, id: id))
        case .settled(.admitted(let fields)): return .admitted(run(fields))
        case .pending(let fields): return .pending(run(fields))
        }
    }

    /// `Mcp-Param-` headers exist in 2026-07-28 only; those of older clients say nothing (mcp.md §3.2).
    @inline(never) private func checkMirrors(of tool: Tool, _ arguments: JSONView?, _ exchange: Exchange) throws(RPCError) {
        guard exchange.revision.isModern else { return }
        for index in tool.mirrored.indices { try tool.mirrored[index].check(arguments, exchange.request.fields) }
    }

    /// - Throws: what a client without the extension is told.
    @inline(never) private func requireTasks(_ message: RPCMessage, _ exchange: Exchange) throws(RPCError) {
        guard exchange.revision.isModern else {
            throw RPCError(.invalidParams, "This tool runs as a task, which needs revision 2026-07-28.")
        }
        guard ClientCapabilities(message.meta?[MetaKey.clientCapabilities]).contains(.tasks) else {
            throw ClientCapabilities.tasks.missing
        }
    }

    /// What an answer needs of its request.
    struct Reply: Sendable {
        let id: RPCID
        let revision: Revision
        let fields: Fields
    }

    /// One call about to run.
    final class Run: Sendable {
        let call: ToolCall
        let arguments: JSONObject
        let reply: Reply
        let progressToken: JSONValue?
        let params: JSONView?
        /// What a client brought back for an earlier round; nil for nearly every call.
        let round: Round?

        init(
            call: ToolCall, arguments: JSONObject, reply: Reply, progressToken: JSONValue?, params: JSONView?, round: Round?
        ) {
            self.call = call
            self.arguments = arguments
            self.reply = reply
            self.progressToken = progressToken
            self.params = params
            self.round = round
        }

        func answering(with fields: Fields) -> Run {
            Run(
                call: call, arguments: arguments, reply: Reply(id: reply.id, revision: reply.revision, fields: fields),
                progressToken: progressToken, params: params, round: round)
        }
    }

    @inline(never) private func runLocal(_ run: Run, _ exchange: Exchange) async -> Response {
        var context = ToolContext(caller: exchange.caller, requestID: exchange.context.requestID, sleeper: sleeper)
        context.params = run.params
        var body: ToolEnd.Body
        if let refusal = prepare(&context, run, exchange) {
            body = .error(refusal)
        } else {
            let result = await run.call.tool.run(run.arguments, context)
            body = .result(result)
            if result.next != nil { body = await settle(result, run, &context, exchange) }
        }
        let isRecorded = await gate.finish(run.call, outcome: outcome(of: body), in: exchange.context)
        return answer(ToolEnd(body: body, isRecorded: isRecorded), run.reply)
    }

    private func outcome(of body: ToolEnd.Body) -> ToolOutcome {
        switch body {
        case .result(let result): result.isError ? .toolError : .completed
        case .members(let members): members["inputRequests"] != nil ? .awaitingInput : .completed
        case .error: .toolError
        case .silence: .cancelled
        }
    }

    /// Starts the tool beside the answer: JSON when it ends soon, an event stream once it reports or takes its time.
    @inline(never) private func runRemote(_ run: Run, _ exchange: Exchange) async -> Response {
        let memory = exchange.session.flatMap { continuity?.sessions.memory(of: $0) }
        let meeting = ToolExchange(progressToken: run.progressToken, logLevel: exchange.logLevel ?? memory?.logLevel)
        // Not a child: before 2026-07-28 a disconnect must not cancel the call (mcp.md §1), and a stream outlives this
        // function. The stream or this function cancels it where the revision says so; it ends with the tool in any case.
        let work = Task(executorPreference: exchange.context.executor) {
            var context = ToolContext(
                caller: exchange.caller, requestID: exchange.context.requestID, sleeper: self.sleeper,
                progress: { value, total, message in meeting.progress(value, total: total, message: message) })
            context.params = run.params
            context.exchange = meeting
            context.notes = run.call.notes
            let body = await self.perform(run, &context, exchange)
            let outcome: ToolOutcome = Task.isCancelled ? .cancelled : self.outcome(of: body)
            let isRecorded = await self.gate.finish(run.call, outcome: outcome, in: exchange.context)
            meeting.finish(ToolEnd(body: body, isRecorded: isRecorded))
            memory?.endCall(run.reply.id)
        }
        memory?.beginCall(run.reply.id) {
            work.cancel()
            meeting.finish(ToolEnd(body: .silence, isRecorded: true))
        }
        if meeting.isFinished { memory?.endCall(run.reply.id) }  // it was faster than we
        guard exchange.acceptsStream else { return await awaitEnd(of: meeting, run.reply, work) }
        switch await meeting.next(atMost: Self.patience, sleeper) {
        case .finished(let end): return answer(end, run.reply)
        case let first:
            if Task.isCancelled { return abandon(run.reply, work) }
            return stream(meeting, run.reply, exchange, work, memory, first: first)
        }
    }

    private func awaitEnd(of meeting: ToolExchange, _ reply: Reply, _ work: Task<Void, Never>) async -> Response {
        streams.add(meeting)
        defer { streams.remove(meeting) }
        while true {
            switch await meeting.next(atMost: streams.keepAlive, sleeper) {
            case .finished(let end): return answer(end, reply)
            case .interrupted: return await interrupt(reply, work)
            case .message, .pause, .quiet: if Task.isCancelled { return abandon(reply, work) }
            }
        }
    }

    /// The client is gone; nobody reads this answer.
    private func abandon(_ reply: Reply, _ work: Task<Void, Never>) -> Response {
        if reply.revision.isModern { work.cancel() }
        return refuse(RPCError(.unavailable, "The client disconnected."), .serviceUnavailable, id: reply.id)
    }

    /// The server goes. In every era, since nothing of the call would outlive it; its record is written first.
    private func interrupt(_ reply: Reply, _ work: Task<Void, Never>) async -> Response {
        work.cancel()
        await work.value
        return refuse(Self.stopping, .serviceUnavailable, id: reply.id).with(.retryAfter, "5")
    }

    @inline(never) private func answer(_ end: ToolEnd, _ reply: Reply) -> Response {
        guard end.isRecorded else { return refuse(Self.unrecorded, .serviceUnavailable, id: reply.id).with(.retryAfter, "5") }
        var response: Response
        switch end.body {
        case .error(let error): response = answer(error, id: reply.id, reply.revision)
        case .silence: return Response(.accepted)
        default: response = Response(.ok, fields: Self.jsonFields, body: .bytes(whole(end, reply) ?? []))
        }
        response.fields.append(contentsOf: reply.fields)
        return response
    }

    /// The response message; nil where nothing is answered any more.
    private func whole(_ end: ToolEnd, _ reply: Reply) -> [UInt8]? {
        guard end.isRecorded else { return RPCReply.error(Self.unrecorded, id: reply.id) }
        let revision = reply.revision
        switch end.body {
        case .result(let result):
            let meta = revision.isModern ? info.resultMetaBytes : nil
            return RPCReply.result(revision.isModern ? result : result.downgraded(for: revision), meta: meta, id: reply.id)
        case .members(var members):
            if revision.isModern { members.append("_meta", info.resultMeta) }
            return RPCReply.result(.object(members), id: reply.id)
        case .error(let error): return RPCReply.error(error, id: reply.id)
        case .silence: return nil
        }
    }

    static let unrecorded = RPCError(.unavailable, "The audit log cannot be written, so the answer is withheld.")
    private static let stopping = RPCError(
        .unavailable, "The server is stopping. Look whether the call took effect, then try again.")

    /// An event stream of a call; in a session one that can be resumed.
    func stream(
        _ meeting: ToolExchange, _ reply: Reply, _ exchange: Exchange, _ work: Task<Void, Never>, _ memory: SessionMemory?,
        first: ToolExchange.Signal
    ) -> Response {
        var fields = EventStream.fields
        fields.append(contentsOf: reply.fields)
        if let memory {
            return Response(
                .ok, fields: fields, body: resumable(meeting, reply, exchange, work, memory.openLog(), first: first))
        }
        // A head that cannot be sent drops the producer unused; the call must not go on for nobody.
        let owner = CallOwner(reply.revision.isModern ? work : nil)
        return Response(
            .ok, fields: fields,
            body: .stream { writer in
                switch await self.pump(meeting, reply, exchange, first: first, into: writer) {
                case .whole: break
                case .broken: owner.cancel()
                case .interrupted:
                    work.cancel()
                    await work.value
                }
            })
    }

    /// In a session nothing is lost with a connection: the call writes into a log, and whoever reads, reads from there.
    private func resumable(
        _ meeting: ToolExchange, _ reply: Reply, _ exchange: Exchange, _ work: Task<Void, Never>, _ log: ReplayLog,
        first: ToolExchange.Signal
    ) -> Response.Body {
        if exchange.revision == .november2025 { log.append([]) }
        streams.add(meeting)
        // Awaited by nobody: ends with the call.
        Task(executorPreference: exchange.context.executor) {
            defer { self.streams.remove(meeting) }
            var signal = first
            while true {
                switch signal {
                case .message(let bytes): log.append(bytes)
                case .pause(let milliseconds): if exchange.revision == .november2025 { log.pause(milliseconds) }
                case .quiet: break
                case .finished(let end):
                    if let message = self.whole(end, reply) { log.append(message) }
                    return log.finish(at: .now())
                case .interrupted:
                    work.cancel()
                    await work.value
                    log.append(RPCReply.error(Self.stopping, id: reply.id))
                    return log.finish(at: .now())
                }
                signal = await meeting.next(atMost: .seconds(3600), self.sleeper)
            }
        }
        return .stream { await self.deliver(log, after: 0, exchange.caller, exchange.context, into: $0) }
    }

    /// How a stream ended: with the response, before it, or before it because the server goes.
    private enum StreamEnd { case whole, broken, interrupted }

    /// Sends notifications, then the one response, then ends.
    private func pump(
        _ meeting: ToolExchange, _ reply: Reply, _ exchange: Exchange, first: ToolExchange.Signal, into writer: any BodyWriter
    ) async -> StreamEnd {
        streams.add(meeting)
        defer { streams.remove(meeting) }
        var judged = MonotonicTime.now()
        do throws(BodyClosed) {
            if case .message(let bytes) = first { try await writer.write(EventStream.message(bytes)) }
            while true {
                switch await meeting.next(atMost: streams.keepAlive, sleeper) {
                case .message(let bytes):
                    // A tool may talk too much for a keep-alive ever to be due: its caller is judged all the same (RS-12).
                    guard await stands(exchange, since: &judged, isDue: false) else { return .broken }
                    try await writer.write(EventStream.message(bytes))
                case .pause: continue  // only a session can be resumed
                case .quiet:
                    guard await stands(exchange, since: &judged, isDue: true) else { return .broken }
                    try await writer.write(EventStream.comment)
                    await writer.rest()
                case .finished(let end):
                    if let message = whole(end, reply) { try await writer.write(EventStream.message(message)) }
                    return .whole
                case .interrupted:
                    try await writer.write(EventStream.message(RPCReply.error(Self.stopping, id: reply.id)))
                    return .interrupted
                }
            }
        } catch { return .broken }
    }

    /// Whether the stream may go on, asked when due or when the last answer is an interval old.
    private func stands(_ exchange: Exchange, since judged: inout MonotonicTime, isDue: Bool) async -> Bool {
        let now = MonotonicTime.now()
        guard isDue || now - judged >= streams.keepAlive else { return true }
        judged = now
        guard !Task.isCancelled else { return false }
        return await gate.stillStands(exchange.caller, in: exchange.context)
    }
}

/// Cancels a call when nobody can read its answer any more. A call that has ended does not mind.
private final class CallOwner: Sendable {
    private let work: Task<Void, Never>?

    /// - Parameter work: nil for revisions in which a disconnect cancels nothing.
    init(_ work: Task<Void, Never>?) { self.work = work }

    deinit { cancel() }

    func cancel() { work?.cancel() }
}
