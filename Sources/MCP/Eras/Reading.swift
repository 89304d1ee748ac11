internal import HTTP
internal import Primitives

/// Prompts, resources and completion, in every era (mcp.md §5).
extension MCPEndpoint {
    // MARK: Prompts

    func givePrompt(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        guard let name = message.params?["name"]?.string, let prompt = features.prompts.first(where: { $0.name == name }) else {
            return reply(RPCError(.invalidParams, "There is no such prompt."), id: id)
        }
        let view = message.params?["arguments"]
        guard view?.isObject ?? true else {
            return reply(RPCError(.invalidParams, "params.arguments must be an object."), id: id)
        }
        let arguments = view?.value.object ?? JSONObject()
        if let problem = prompt.problem(with: arguments) { return reply(RPCError(.invalidParams, problem), id: id) }
        let round: Round?
        do throws(RPCError) { round = try openRound(message, arguments: view, exchange) } catch {
            return answer(error, id: id, exchange.revision)
        }
        return await judged(message, id, exchange) { context in
            var context = context
            if let round { (context.answers, context.state) = (round.answers, round.state) }
            switch await prompt.run(arguments, context) {
            case .messages(let messages): return (complete(Self.prompt(prompt, messages), id, exchange), .completed)
            case .needs(let need):
                let question =
                    exchange.revision.isModern
                    ? requireInput(need, message, id, context, exchange)
                    : askForPrompt(prompt, arguments, need, id, context, exchange)
                return (question, .awaitingInput)
            }
        }
    }

    // MARK: Judging

    /// Reading is judged, charged and on record like a call that reads, under the name of its method (RL-2, RS-8, COM-11).
    private func judged(
        _ message: RPCMessage, _ id: RPCID, _ exchange: Exchange, _ body: (ToolContext) async -> (Response, ToolOutcome)
    ) async -> Response {
        let call = ToolCall(
            tool: Self.reading(message.method), argumentBytes: message.params.map { Array($0.rawBytes) } ?? Array("{}".utf8),
            caller: exchange.caller, revision: exchange.revision)
        switch await gate.admit(call, in: exchange.context) {
        case .refused(let refusal): return refuse(refusal, id: id)
        case .admitted(let fields):
            var context = makeContext(message, exchange)
            context.notes = call.notes
            var (response, outcome) = await body(context)
            guard await gate.finish(call, outcome: outcome, in: exchange.context) else {
                return refuse(Self.unrecorded, .serviceUnavailable, id: id).with(.retryAfter, "5")
            }
            response.fields.append(contentsOf: fields)
            return response
        }
    }

    /// What the gate judges in place of a tool.
    private static func reading(_ method: String) -> Tool {
        Tool(
            name: method, title: method, description: "", inputSchema: ["type": "object"],
            annotations: ToolAnnotations(readOnly: true), permission: .read
        ) { _, _ in .failure("This is no tool.") }
    }

    private func requireInput(
        _ need: InputNeed, _ message: RPCMessage, _ id: RPCID, _ context: ToolContext, _ exchange: Exchange
    ) -> Response {
        switch requireInput(need, message.method, context, exchange) {
        case .members(var members):
            members.append("_meta", info.resultMeta)
            return reply(.object(members), id: id)
        case .error(let error): return answer(error, id: id, exchange.revision)
        case .result, .silence: return reply(RPCError(.internalError, "The prompt ended in nothing."), id: id)
        }
    }

    /// Puts the questions of a prompt to a legacy client, on a stream that ends with the prompt (mcp.md §4.6).
    private func askForPrompt(
        _ prompt: Prompt, _ arguments: JSONObject, _ need: InputNeed, _ id: RPCID, _ context: ToolContext, _ exchange: Exchange
    ) -> Response {
        guard let session = exchange.session, exchange.acceptsStream, need.needs.isSubset(of: session.capabilities), let continuity
        else {
            return reply(RPCError(.invalidParams, "This prompt has a question, which your client cannot be asked."), id: id)
        }
        let meeting = ToolExchange(progressToken: nil)
        // Awaited by nobody: ends with its last answer, or when the time for one is over.
        let work = Task(executorPreference: exchange.context.executor) {
            meeting.finish(ToolEnd(body: await self.settle(prompt, arguments, need, context, exchange, meeting), isRecorded: true))
        }
        return stream(
            meeting, Reply(id: id, revision: exchange.revision, fields: Fields()), exchange, work,
            continuity.sessions.memory(of: session),
            first: .quiet)
    }

    private func settle(
        _ prompt: Prompt, _ arguments: JSONObject, _ first: InputNeed, _ context: ToolContext, _ exchange: Exchange,
        _ meeting: ToolExchange
    ) async -> ToolEnd.Body {
        var (need, context) = (first, context)
        context.exchange = meeting
        for _ in 0..<Self.maximumRounds {
            guard let answers = await ask(need, context, exchange) else {
                return .error(RPCError(.invalidParams, "Your client did not answer the question of this prompt."))
            }
            (context.answers, context.state) = (answers, need.state)
            switch await prompt.run(arguments, context) {
            case .messages(let messages): return .members(Self.prompt(prompt, messages))
            case .needs(let next): need = next
            }
        }
        return .error(RPCError(.internalError, "The prompt asked \(Self.maximumRounds) times without coming to an end."))
    }

    private static func prompt(_ prompt: Prompt, _ messages: [JSONValue]) -> JSONObject {
        JSONObject([("description", .string(prompt.description)), ("messages", .array(messages))])
    }

    private func makeContext(_ message: RPCMessage, _ exchange: Exchange) -> ToolContext {
        var context = ToolContext(caller: exchange.caller, requestID: exchange.context.requestID, sleeper: sleeper)
        context.params = message.params
        context.capabilities = exchange.session?.capabilities
        return context
    }

    // MARK: Resources

    /// `resources/list` where callers have resources of their own: judged and on record like reading them, for it asks elsewhere.
    func listOwnResources(
        _ message: RPCMessage, _ id: RPCID, _ exchange: Exchange,
        _ own: @Sendable (ToolContext, String?) async -> ResourcePage?
    ) async -> Response {
        var place: String?
        if let cursor = message.params?["cursor"], !cursor.isNull {
            guard let text = cursor.string,
                let found = handles?.open(text, .cursor, of: exchange.caller, .user, Self.ownPlace)?.string
            else { return reply(unknownCursor, id: id) }
            place = found
        }
        return await judged(message, id, exchange) { context in
            let page = await own(context, place)
            guard page != nil || place == nil else {
                return (reply(RPCError(.internalError, "The next page cannot be listed now. Try again."), id: id), .toolError)
            }
            let fixed = place == nil ? features.resources.map(\.listing) : []
            var members = JSONObject([("resources", .array(fixed + (page?.entries ?? []).map(\.listing)))])
            if let next = page?.next, let handles {
                let cursor = handles.seal(
                    .string(next), .cursor, of: exchange.caller, .user, Self.ownPlace, lifetime: .seconds(3600))
                members.append("nextCursor", .string(cursor))
            }
            if exchange.revision.isModern {
                members.append("ttlMs", 5000)
                members.append("cacheScope", "private")
            }
            return (complete(members, id, exchange), .completed)
        }
    }

    /// Binds a cursor to this list.
    private static let ownPlace = [Array("ownResources".utf8)]

    func readResource(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        guard let uri = message.params?["uri"]?.string else {
            return reply(RPCError(.invalidParams, "params.uri must be a string."), id: id)
        }
        return await judged(message, id, exchange) { context in
            guard let contents = await contents(of: uri, context), !contents.isEmpty else {
                let data: JSONValue = ["uri": .string(uri)]
                // The older revisions have a code of their own for it (mcp.md §1).
                let code: RPCError.Code = exchange.revision.isModern ? .invalidParams : .legacyResourceNotFound
                return (reply(RPCError(code, "There is no such resource.", data: data), id: id), .toolError)
            }
            var members = JSONObject([("contents", .array(contents))])
            if exchange.revision.isModern {
                members.append("ttlMs", 0)
                members.append("cacheScope", "private")
            }
            return (complete(members, id, exchange), .completed)
        }
    }

    private func contents(of uri: String, _ context: ToolContext) async -> [JSONValue]? {
        if let resource = features.resources.first(where: { $0.uri == uri }) { return await resource.read(context) }
        for template in features.templates {
            if let values = template.match(uri) { return await template.read(uri, values, context) }
        }
        return nil
    }

    // MARK: Completion

    func complete(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        guard Self.question(message.params, makeContext(message, exchange)) != nil else {
            return reply(RPCError(.invalidParams, "params need ref and argument with name and value."), id: id)
        }
        return await judged(message, id, exchange) { context in
            guard let complete = features.complete, let question = Self.question(message.params, context),
                let values = await complete(question)
            else {
                return (reply(RPCError(.invalidParams, "There is no such prompt or resource template."), id: id), .toolError)
            }
            let completion: JSONValue = [
                "values": .strings(values.prefix(100)), "total": .int(values.count), "hasMore": .bool(values.count > 100),
            ]
            return (self.complete(JSONObject([("completion", completion)]), id, exchange), .completed)
        }
    }

    private static func question(_ params: JSONView?, _ context: ToolContext) -> CompletionQuestion? {
        guard let reference = params?["ref"], let argument = params?["argument"], let name = argument["name"]?.string,
            let value = argument["value"]?.string
        else { return nil }
        let settled = params?["context"]?["arguments"]?.members.compactMap { member in member.value.string.map { (member.key, $0) }
        }
        let target: CompletionQuestion.Reference? =
            switch reference["type"]?.string {
            case "ref/prompt": reference["name"]?.string.map { .prompt($0) }
            case "ref/resource": reference["uri"]?.string.map { .resource($0) }
            default: nil
            }
        return target.map {
            CompletionQuestion(
                reference: $0, argument: name, value: value, settled: Dictionary(settled ?? [], uniquingKeysWith: { a, _ in a }),
                context: context)
        }
    }

    /// A result in the clothes of its era.
    private func complete(_ members: JSONObject, _ id: RPCID, _ exchange: Exchange) -> Response {
        reply(exchange.revision.isModern ? modernResult(.object(members)) : .object(members), id: id)
    }
}
