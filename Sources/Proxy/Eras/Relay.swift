internal import Client
internal import Crypto
internal import HTTP
internal import MCP
internal import Primitives
internal import Transport

/// One request at the upstream and its answer on the way back, message by message, as fast as the client reads. Not `Sendable`.
final class Relay {
    enum Step {
        /// One event for the client's stream.
        case send([UInt8])
        case done(Conclusion)
        /// The stream ends without a response: the client resumes it at the last event (mcp.md §4.4).
        case suspended
        /// Nothing within the time given.
        case quiet
    }

    let ask: Ask
    private let upstream: Upstream
    private let link: Link
    private let translation: Translation
    private let key: Secret?
    private let cancellation: UpstreamCancellation
    private var source: MessageSource
    private var queue: [[UInt8]] = []
    /// Questions the client was asked on its stream, and where the answers come.
    private var awaited: [(key: String, id: String, reply: Reply)] = []
    private var state: [UInt8]?
    private var rounds = 0
    private var silentSince = MonotonicTime.now()
    private var hasEventIDs = false

    init(
        _ translation: Translation, source: MessageSource, key: Secret?, cancellation: UpstreamCancellation
    ) {
        self.translation = translation
        ask = translation.ask
        link = translation.link
        upstream = translation.upstream
        self.source = source
        self.key = key
        self.cancellation = cancellation
    }

    deinit { for question in awaited { upstream.pending.close(question.id, user: ask.caller.userID.text) } }

    /// Goes on until there is something for the client, at most that long.
    func advance(within time: Duration) async -> Step {
        let end = MonotonicTime.now() + time
        do throws(ProxyFailure) {
            while true {
                if !queue.isEmpty { return .send(queue.removeFirst()) }
                let left = end - .now()
                if !awaited.isEmpty {
                    guard try await collect(within: left) else { return .quiet }
                    continue
                }
                if let step = try await read(within: max(.milliseconds(1), left)) { return step }
            }
        } catch {
            source.exchange.abandon()
            if error.code == .cancelled { tellCancelled() }
            return .done(translation.conclusion(of: error))
        }
    }

    private func read(within time: Duration) async throws(ProxyFailure) -> Step? {
        switch try await source.next(within: time) {
        case .quiet:
            guard MonotonicTime.now() - silentSince < upstream.settings.timeout else {
                throw Upstream.failure(ClientError(.timeout), name: upstream.name)
            }
            return .quiet
        case .end:
            if link.isOwn, hasEventIDs { return .suspended }
            throw Upstream.failure(ClientError(.transport), name: upstream.name)
        case .mark(let event):
            silentSince = .now()
            guard link.isOwn else { return nil }
            hasEventIDs = hasEventIDs || event.id != nil
            return .send(Self.frame(event, event.data))
        case .message(let document, let event):
            silentSince = .now()
            hasEventIDs = hasEventIDs || event?.id != nil
            return try await take(document.root, event)
        }
    }

    private func take(_ root: JSONView, _ event: StreamEvent?) async throws(ProxyFailure) -> Step? {
        guard root.isObject else {
            throw ProxyFailure(.broken, "\(upstream.name) sent what is no JSON-RPC message. Tell the administrator.")
        }
        if root["method"] != nil {
            guard let id = root["id"] else {
                return translation.notification(root).map { .send(Self.frame(link.isOwn ? event : nil, $0)) }
            }
            return try await asked(root, id, event)
        }
        guard root["id"].map(isOurs) ?? (root["error"] != nil) else { return nil }
        switch translation.verdict(root) {
        case .concluded(let conclusion):
            source.exchange.abandon()
            return .done(conclusion)
        case .asks(let questions, let state):
            try askClient(questions, state)
            return nil
        }
    }

    /// The same id may be written with other escapes.
    private func isOurs(_ id: JSONView) -> Bool {
        id.rawBytes.elementsEqual(translation.upstreamID) || id.value.serialized == translation.upstreamID
    }

    static func frame(_ event: StreamEvent?, _ data: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        if let id = event?.id { out += Array("id: \(id)\n".utf8) }
        if let retry = event?.retry { out += Array("retry: \(retry)\n".utf8) }
        return out + EventStream.message(data)
    }

    /// Stops the work of a legacy upstream: a connection that closes means nothing there (mcp.md §9).
    private func tellCancelled() {
        guard case .legacy(let session, _) = link else { return }
        var params = RawObject()
        params["requestId"] = translation.upstreamID
        let body = RawMessage.notification(method: "notifications/cancelled", params: params.serialized)
        // Awaited by nobody: it ends with the timeout of the upstream at the latest.
        Task(executorPreference: ask.context.executor) { [upstream, ask, key] in
            try? await upstream.notify(body, session, ask.caller, key, ask.origin)
        }
    }
}

// MARK: - A legacy upstream asks

extension Relay {
    /// A request of the upstream in the middle of a call.
    private func asked(_ root: JSONView, _ id: JSONView, _ event: StreamEvent?) async throws(ProxyFailure) -> Step? {
        guard case .legacy(let session, let isOwn) = link else { return nil }
        if isOwn, ask.acceptsStream { return .send(Self.frame(event, Array(root.rawBytes))) }
        let method = root["method"]?.string ?? ""
        let questionID = Array(id.rawBytes)
        if method == "ping" {
            try await answer(RawMessage.response(id: questionID, "result", Array("{}".utf8)), session)
            return nil
        }
        let capabilities = try? JSONDocument(parsing: ask.client.capabilities)
        guard ask.client.isModern, ["tools/call", "prompts/get", "resources/read"].contains(ask.method),
            let needed = Translation.askable[method], capabilities?.root[name: needed] != nil
        else {
            let refusal = RPCError(.methodNotFound, "The client cannot do this.")
            try await answer(RawMessage.response(id: questionID, "error", refusal.json.serialized), session)
            return nil
        }
        return .done(try park(root, method, questionID, session))
    }

    private func answer(_ body: [UInt8], _ session: LegacySession) async throws(ProxyFailure) {
        try await upstream.notify(body, session, ask.caller, key, ask.origin)
    }

    /// Leaves the call waiting at the upstream and asks the client to come again with the answer.
    private func park(
        _ root: JSONView, _ method: String, _ questionID: [UInt8], _ session: LegacySession
    ) throws(ProxyFailure) -> Conclusion {
        let loop = upstream.group.current
        let call = ParkedCall(
            source: LoopBound(source, on: loop), loop: loop, session: session, upstreamID: translation.upstreamID,
            questionID: questionID, user: ask.caller.userID, context: ask.binding, cancellation: cancellation)
        guard let token = upstream.parked.park(call) else {
            throw ProxyFailure(.busy, "Too many calls to \(upstream.name) wait for input. Answer or leave some, then try again.")
        }
        return Self.inputRequired(translation, token, method: method, params: root["params"].map { Array($0.rawBytes) })
    }

    static func inputRequired(_ translation: Translation, _ token: String, method: String, params: [UInt8]?) -> Conclusion {
        let ask = translation.ask
        var question = RawObject()
        question.set("method", .string(method))
        question["params"] = params ?? Array("{}".utf8)
        var questions = RawObject()
        questions[ParkedCalls.inputKey] = question.serialized
        // The question goes along, so that a round without an answer can repeat it.
        let state = translation.sealer.seal(
            "p\(token) \(String(decoding: question.serialized, as: UTF8.self))", .state, for: ask.caller, context: ask.binding,
            lifetime: ParkedCalls.lifetime)
        var result = RawObject()
        result.set("resultType", "input_required")
        result["inputRequests"] = questions.serialized
        result.set("requestState", .string(state))
        return Conclusion(message: RawMessage.response(id: ask.id, "result", result.serialized))
    }
}

// MARK: - A modern upstream asks a legacy client

extension Relay {
    /// Rounds of questions in one call; more is no conversation but a loop.
    private static let roundLimit = 16

    /// Turns each input request into a request of ours on the client's stream (the MRTR shim of mcp.md §4.6).
    private func askClient(_ questions: [(key: String, request: [UInt8])], _ state: [UInt8]?) throws(ProxyFailure) {
        rounds += 1
        guard rounds <= Self.roundLimit, questions.count <= 16 else {
            throw ProxyFailure(.broken, "\(upstream.name) keeps asking. The call was given up.")
        }
        guard ask.acceptsStream, ask.client.session != nil || questions.isEmpty else {
            throw ProxyFailure(
                .unsupported, "This tool asks for input, which needs a session and a client that reads event streams.")
        }
        let capabilities = try? JSONDocument(parsing: ask.client.capabilities)
        self.state = state
        for (key, request) in questions {
            let view = try? JSONDocument(parsing: request).root
            let method = view?["method"]?.string ?? ""
            guard let needed = Translation.askable[method], capabilities?.root[name: needed] != nil else {
                throw ProxyFailure(.unsupported, "This tool asks for input in a way this client does not offer (\(method)).")
            }
            let id = "gh-" + Random.text(22)
            guard let reply = upstream.pending.open(id, user: ask.caller.userID.text) else {
                throw ProxyFailure(.busy, "Too many questions are open. Try again in a few seconds.")
            }
            awaited.append((key, id, reply))
            let params = view?["params"].map { Array($0.rawBytes) } ?? Array("{}".utf8)
            queue.append(
                EventStream.message(RawMessage.request(id: JSONValue.string(id).serialized, method: method, params: params)))
        }
        if questions.isEmpty { awaited.append(("", "", Reply())) }
        silentSince = .now()
    }

    /// Waits for all answers, then asks the upstream again with them. False when some are missing still.
    private func collect(within time: Duration) async throws(ProxyFailure) -> Bool {
        let end = MonotonicTime.now() + time
        var responses = RawObject()
        for question in awaited where !question.id.isEmpty {
            guard let value = await question.reply.value(within: max(.milliseconds(1), end - .now()), upstream.sleeper) else {
                guard !cancellation.isCancelled else { throw ProxyFailure(.cancelled, "The call was cancelled.") }
                guard MonotonicTime.now() - silentSince < ParkedCalls.lifetime else {
                    throw ProxyFailure(.slow, "Nobody answered the tool's question in time.")
                }
                return false
            }
            guard !value.isEmpty else {
                throw ProxyFailure(.unsupported, "The client could not answer the tool's question.")
            }
            responses[question.key] = value
        }
        for question in awaited { upstream.pending.close(question.id, user: ask.caller.userID.text) }
        awaited.removeAll()
        let params: [UInt8]
        do throws(RPCError) { params = try translation.params(inputs: (responses.serialized, state)) } catch {
            throw ProxyFailure(.broken, error.message)
        }
        source.exchange.abandon()
        source = try await upstream.open(translation, params: params, key: key, cancellation: cancellation)
        silentSince = .now()
        return true
    }
}
