internal import HTTP
internal import Primitives

/// Handlers that need more than one round (mcp.md §3.6): they are written once, and each era brings their questions to the client
/// in its own way.
extension MCPEndpoint {
    /// How often one call may ask before it is given up.
    static let maximumRounds = 16
    /// How long a client has for an answer, and how long a request state is accepted.
    static let answerTime = Duration.seconds(600)

    /// What a client brought back from an earlier round.
    struct Round: Sendable {
        let answers: JSONObject
        let state: JSONValue?
        /// Set for a state that works once.
        let nonce: String?
    }

    /// Reads `inputResponses` and `requestState`; nil when there are none, which costs a count.
    /// - Throws: `.invalidParams` for a state that is not ours, not this caller's or not of this request, without saying which.
    func openRound(_ message: RPCMessage, arguments: JSONView?, _ exchange: Exchange) throws(RPCError) -> Round? {
        guard exchange.revision.isModern, let params = message.params,
            params.count > 1 + (arguments == nil ? 0 : 1) + (message.meta == nil ? 0 : 1)
        else { return nil }
        let (responses, handle) = (params["inputResponses"], params["requestState"])
        if responses == nil, handle == nil { return nil }
        guard responses?.isObject ?? true else { throw RPCError(.invalidParams, "params.inputResponses must be an object.") }
        var (state, nonce): (JSONValue?, String?) = (nil, nil)
        if let handle, !handle.isNull {
            guard let text = handle.string,
                let sealed = handles?.open(
                    text, .state, of: exchange.caller, .userAndClient, Self.parts(message.method, params))?.object
            else { throw RPCError(.invalidParams, "The requestState is not valid for this request.") }
            (state, nonce) = (sealed["v"], sealed["n"]?.string)
        }
        return Round(answers: responses?.value.object ?? JSONObject(), state: state, nonce: nonce)
    }

    /// What a state is bound to: the request it belongs to, whatever the order of its members.
    private static func parts(_ method: String, _ params: JSONView?) -> [[UInt8]] {
        let name = params?["name"]?.string ?? params?["uri"]?.string ?? ""
        return [Array(method.utf8), Array(name.utf8), params?["arguments"]?.value.canonical ?? Array("{}".utf8)]
    }

    /// Runs a tool until it has a result, or until the client must be asked in another request.
    func perform(_ run: Run, _ context: inout ToolContext, _ exchange: Exchange) async -> ToolEnd.Body {
        if let refusal = prepare(&context, run, exchange) { return .error(refusal) }
        let result = await run.call.tool.run(run.arguments, context)
        return result.next == nil ? .result(result) : await settle(result, run, &context, exchange)
    }

    /// Gives a handler what its client declared and brought back. - Returns: the refusal of a state that was used before.
    func prepare(_ context: inout ToolContext, _ run: Run, _ exchange: Exchange) -> RPCError? {
        context.servesTasks = features.hasTasks && exchange.revision.isModern
        if let session = exchange.session { context.capabilities = session.capabilities }
        guard let round = run.round else { return nil }
        if let nonce = round.nonce, !spend(nonce) {
            return RPCError(.invalidParams, "The requestState is not valid for this request.")
        }
        (context.answers, context.state) = (round.answers, round.state)
        return nil
    }

    /// Goes on where a tool wants something before it has a result.
    func settle(_ first: ToolResult, _ run: Run, _ context: inout ToolContext, _ exchange: Exchange) async -> ToolEnd.Body {
        var result = first
        for _ in 0..<Self.maximumRounds {
            switch result.next {
            case nil: return .result(result)
            case .error(let error): return .error(error)
            case .task(let work): return startTask(work, run, context, exchange)
            case .input(let need):
                if exchange.revision.isModern { return requireInput(need, "tools/call", context, exchange) }
                guard let answers = await ask(need, context, exchange) else { return .result(Self.unanswered(need)) }
                (context.answers, context.state) = (answers, need.state)
            }
            result = await run.call.tool.run(run.arguments, context)
        }
        return .result(.failure("The tool asked \(Self.maximumRounds) times without coming to an end."))
    }

    private func spend(_ nonce: String) -> Bool {
        guard let continuity, nonce.hasPrefix(continuity.instance + ".") else { return false }
        return continuity.spent.spend(nonce, lifetime: Self.answerTime)
    }

    // MARK: 2026-07-28

    /// The result that tells the client what to answer in its next request.
    func requireInput(_ need: InputNeed, _ method: String, _ context: ToolContext, _ exchange: Exchange) -> ToolEnd.Body {
        let missing = need.needs.subtracting(context.client)
        guard missing.isEmpty else { return .error(missing.missing) }
        var members = JSONObject([("resultType", "input_required")])
        members.append("inputRequests", .object(JSONObject(need.requests.map { ($0.key, $0.request.embedded) })))
        guard need.state != nil || need.isSingleUse else { return .members(members) }
        guard let continuity, let handles else {
            return .error(RPCError(.internalError, "This server keeps no state between requests."))
        }
        var payload = JSONObject([("v", need.state ?? .null)])
        if need.isSingleUse { payload.append("n", .string("\(continuity.instance).\(exchange.context.requestID.text)")) }
        members.append(
            "requestState",
            .string(
                handles.seal(
                    .object(payload), .state, of: exchange.caller, .userAndClient, Self.parts(method, context.params),
                    lifetime: Self.answerTime)))
        return .members(members)
    }

    // MARK: Earlier revisions

    /// Puts each question to the client as a request of ours on the stream of its own, and waits (mcp.md §4.6). Nil when the
    /// client cannot be asked, or does not answer.
    func ask(_ need: InputNeed, _ context: ToolContext, _ exchange: Exchange) async -> JSONObject? {
        guard let session = exchange.session, exchange.acceptsStream, let meeting = context.exchange,
            let memory = continuity?.sessions.memory(of: session), need.needs.isSubset(of: session.capabilities)
        else { return nil }
        var answers = JSONObject()
        for index in need.requests.indices {
            let question = need.requests[index]
            let answer = await memory.ask(
                { meeting.ask(question.request.request(id: $0, for: session.revision)) }, atMost: Self.answerTime,
                { [sleeper] in try? await sleeper.sleep(for: $0) })
            guard let answer else { return nil }
            answers[question.key] = answer
        }
        return answers
    }

    private static func unanswered(_ need: InputNeed) -> ToolResult {
        let names = Set(need.requests.map(\.request.method)).sorted().joined(separator: ", ")
        return .failure(
            "This call has a question for you, and your client did not answer it. It needs a session, an event stream and the "
                + "capability for \(names).")
    }

    // MARK: Tasks

    private func startTask(_ work: TaskWork, _ run: Run, _ context: ToolContext, _ exchange: Exchange) -> ToolEnd.Body {
        guard features.hasTasks, continuity != nil else {
            return .error(RPCError(.internalError, "This server keeps no tasks."))
        }
        guard let record = makeTask(work, run.call.tool, context, exchange) else {
            return .error(RPCError(.refused, "\(TaskHub.maximumRunning) tasks are running already. Wait for one, or cancel one."))
        }
        var members = record.members(handle: handle(of: record, run.arguments, exchange.caller), isDetailed: false)
        // The schema of `tools/call` has no place for tasks and wants content; a reader of tasks passes over it.
        members.append("content", [])
        members.append("resultType", "task")
        return .members(members)
    }

    /// Starts the work of a new task; nil when there are too many.
    func makeTask(_ work: TaskWork, _ tool: Tool, _ context: ToolContext, _ exchange: Exchange) -> TaskRecord? {
        let changes = features.changes
        let record = continuity?.tasks.make(
            tool, of: exchange.caller, context.client, pollInterval: work.pollInterval, onChange: { changes?.publish(.task($0)) })
        record?.start(work, sleeper: sleeper, on: exchange.context.executor)
        return record
    }

    /// What the client keeps. For a tool that only reads, the handle holds its call as well, so that another process can take the
    /// task up again; arguments too long for a header are left out.
    private func handle(of record: TaskRecord, _ arguments: JSONObject, _ caller: Principal?) -> String {
        var parts: [JSONValue] = [.string(continuity?.instance ?? ""), .int(record.id.number)]
        if record.tool.annotations.isReadOnly, record.tool.annotations.isIdempotent {
            let call = JSONValue.object(arguments)
            if call.serialized.count <= 2048 { parts += [.string(record.tool.name), call] }
        }
        return handles?.seal(.array(parts), .task, of: caller, .user, lifetime: TaskHub.timeToLive + .seconds(60)) ?? ""
    }
}
