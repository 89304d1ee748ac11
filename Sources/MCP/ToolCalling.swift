internal import HTTP
internal import Primitives

/// `tools/call` in every era: parse, ask the gate, run, record, answer as JSON or as an event stream.
extension MCPEndpoint {
    func call(_ message: RPCMessage, _ id: RPCID, _ revision: Revision, _ exchange: Exchange) async -> Response {
        guard let name = message.params?["name"]?.string else {
            return reply(RPCError(.invalidParams, "params.name must be a string."), id: id)
        }
        // A tool the caller may not see is still judged by the gate: a scope remedy must be told (RS-8).
        guard let tool = registry[name] else { return reply(RPCError(.invalidParams, "There is no such tool."), id: id) }
        let view = message.params?["arguments"]
        guard view?.isObject ?? true else {
            return reply(RPCError(.invalidParams, "params.arguments must be an object."), id: id)
        }
        let call = ToolCall(
            tool: tool, argumentBytes: view.map { Array($0.rawBytes) } ?? Array("{}".utf8), caller: exchange.caller,
            revision: revision)
        switch await gate.admit(call, in: exchange.context) {
        case .refused(let refusal): return refuse(refusal, id: id)
        case .admitted(let fields):
            let run = Run(
                call: call, arguments: view?.value.object ?? JSONObject(), id: id, fields: fields,
                progressToken: message.meta?["progressToken"]?.value)
            return tool.isLocal ? await runLocal(run, exchange) : await runRemote(run, exchange)
        }
    }

    /// One admitted call.
    private struct Run: Sendable {
        let call: ToolCall
        let arguments: JSONObject
        let id: RPCID
        let fields: Fields
        let progressToken: JSONValue?
    }

    private func runLocal(_ run: Run, _ exchange: Exchange) async -> Response {
        let context = ToolContext(caller: exchange.caller, requestID: exchange.context.requestID, sleeper: sleeper)
        let result = await run.call.tool.run(run.arguments, context)
        let isRecorded = await gate.finish(run.call, outcome: result.isError ? .toolError : .completed, in: exchange.context)
        return answer(ToolEnd(result: result, isRecorded: isRecorded), run)
    }

    /// Starts the tool beside the answer: JSON when it ends soon, an event stream once it reports or takes its time.
    private func runRemote(_ run: Run, _ exchange: Exchange) async -> Response {
        let meeting = ToolExchange(progressToken: run.progressToken)
        // Not a child: before 2026-07-28 a disconnect must not cancel the call (mcp.md §1), and a stream outlives this
        // function. The stream or this function cancels it where the revision says so; it ends with the tool in any case.
        let work = Task(executorPreference: exchange.context.executor) {
            let context = ToolContext(
                caller: exchange.caller, requestID: exchange.context.requestID, sleeper: sleeper,
                progress: { value, total, message in meeting.progress(value, total: total, message: message) })
            let result = await run.call.tool.run(run.arguments, context)
            let outcome: ToolOutcome = Task.isCancelled ? .cancelled : result.isError ? .toolError : .completed
            let isRecorded = await gate.finish(run.call, outcome: outcome, in: exchange.context)
            meeting.finish(ToolEnd(result: result, isRecorded: isRecorded))
        }
        guard exchange.acceptsStream else { return await awaitEnd(of: meeting, run, work) }
        switch await meeting.next(atMost: Self.patience, sleeper) {
        case .finished(let end): return answer(end, run)
        case .notification(let first): return stream(meeting, run, exchange, work, first: first)
        case .quiet, .interrupted:
            if Task.isCancelled { return abandon(run, work) }
            return stream(meeting, run, exchange, work, first: nil)
        }
    }

    private func awaitEnd(of meeting: ToolExchange, _ run: Run, _ work: Task<Void, Never>) async -> Response {
        streams.add(meeting)
        defer { streams.remove(meeting) }
        while true {
            switch await meeting.next(atMost: streams.keepAlive, sleeper) {
            case .finished(let end): return answer(end, run)
            case .interrupted: return await interrupt(run, work)
            case .notification, .quiet: if Task.isCancelled { return abandon(run, work) }
            }
        }
    }

    /// The client is gone; nobody reads this answer.
    private func abandon(_ run: Run, _ work: Task<Void, Never>) -> Response {
        if run.call.revision.isModern { work.cancel() }
        return refuse(RPCError(.unavailable, "The client disconnected."), .serviceUnavailable, id: run.id)
    }

    /// The server goes. In every era, since nothing of the call would outlive it; its record is written first.
    private func interrupt(_ run: Run, _ work: Task<Void, Never>) async -> Response {
        work.cancel()
        await work.value
        return refuse(Self.stopping, .serviceUnavailable, id: run.id).with(.retryAfter, "5")
    }

    private func answer(_ end: ToolEnd, _ run: Run) -> Response {
        guard end.isRecorded else { return refuse(Self.unrecorded, .serviceUnavailable, id: run.id).with(.retryAfter, "5") }
        var response = Response(.ok, fields: Self.jsonFields, body: .bytes(whole(end.result, run)))
        response.fields.append(contentsOf: run.fields)
        return response
    }

    private func whole(_ result: ToolResult, _ run: Run) -> [UInt8] {
        RPCReply.result(result, meta: run.call.revision.isModern ? info.resultMetaBytes : nil, id: run.id)
    }

    private static let unrecorded = RPCError(.unavailable, "The audit log cannot be written, so the answer is withheld.")
    private static let stopping = RPCError(
        .unavailable, "The server is stopping. Look whether the call took effect, then try again.")

    private func stream(
        _ meeting: ToolExchange, _ run: Run, _ exchange: Exchange, _ work: Task<Void, Never>, first: [UInt8]?
    ) -> Response {
        var fields = EventStream.fields
        fields.append(contentsOf: run.fields)
        // A head that cannot be sent drops the producer unused; the call must not go on for nobody.
        let owner = CallOwner(run.call.revision.isModern ? work : nil)
        return Response(
            .ok, fields: fields,
            body: .stream { writer in
                switch await pump(meeting, run, exchange, first: first, into: writer) {
                case .whole: break
                case .broken: owner.cancel()
                case .interrupted:
                    work.cancel()
                    await work.value
                }
            })
    }

    /// How a stream ended: with the response, before it, or before it because the server goes.
    private enum StreamEnd { case whole, broken, interrupted }

    /// Sends notifications, then the one response, then ends.
    private func pump(
        _ meeting: ToolExchange, _ run: Run, _ exchange: Exchange, first: [UInt8]?, into writer: any BodyWriter
    ) async -> StreamEnd {
        streams.add(meeting)
        defer { streams.remove(meeting) }
        var judged = MonotonicTime.now()
        do throws(BodyClosed) {
            if let first { try await writer.write(EventStream.message(first)) }
            while true {
                switch await meeting.next(atMost: streams.keepAlive, sleeper) {
                case .notification(let bytes):
                    // A tool may talk too much for a keep-alive ever to be due: its caller is judged all the same (RS-12).
                    guard await stands(exchange, since: &judged, isDue: false) else { return .broken }
                    try await writer.write(EventStream.message(bytes))
                case .quiet:
                    guard await stands(exchange, since: &judged, isDue: true) else { return .broken }
                    try await writer.write(EventStream.comment)
                    await writer.rest()
                case .finished(let end):
                    let body =
                        end.isRecorded
                        ? whole(end.result, run)
                        : RPCReply.error(Self.unrecorded, id: run.id)
                    try await writer.write(EventStream.message(body))
                    return .whole
                case .interrupted:
                    try await writer.write(EventStream.message(RPCReply.error(Self.stopping, id: run.id)))
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
