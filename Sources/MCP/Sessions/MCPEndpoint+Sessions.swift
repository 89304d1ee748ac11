internal import HTTP
internal import Primitives

/// Sessions of the older revisions on the wire: the id on each request, `GET` for a stream, `DELETE` to end (mcp.md §4.3, §4.4).
extension MCPEndpoint {
    /// Takes up the session a legacy request names. - Returns: nil for an id that is not, or no longer, this caller's.
    func resume(_ exchange: Exchange) -> Exchange? {
        guard let continuity, let handles, let text = exchange.request.fields[.mcpSessionID] else { return exchange }
        guard exchange.request.fields.count(of: .mcpSessionID) == 1, !continuity.sessions.isEnded(text),
            let session = LegacySession(text, of: exchange.caller, handles)
        else { return nil }
        return exchange.speaking(session.revision, in: session)
    }

    func unknownSession(id: RPCID?) -> Response {
        refuse(RPCError(.invalidRequest, "There is no such session. Initialize again."), .notFound, id: id)
    }

    /// Everything but POST. Revision 2026-07-28 has nothing else, so naming it settles it (mcp.md §2).
    func answerSessionRequest(_ request: Request, _ caller: Principal?, _ context: RequestContext) async -> Response {
        let isModern = request.fields[.mcpProtocolVersion].map(Revision.namesModern) ?? false
        guard !isModern, continuity != nil, request.method == .get || request.method == .delete else {
            return notAllowed("POST, OPTIONS")
        }
        // A client of the old two-endpoint transport begins with a bare GET: it must fail at once, to look for another way.
        guard request.fields.contains(.mcpSessionID) else {
            return request.method == .get
                ? notAllowed("POST, OPTIONS")
                : refuse(RPCError(.invalidRequest, "Name the session in Mcp-Session-Id."), .badRequest, id: nil)
        }
        if let header = request.fields[.mcpProtocolVersion], Revision(rawValue: header) == nil {
            return refuse(RPCError(.invalidRequest, "MCP-Protocol-Version names no revision served here."), .badRequest, id: nil)
        }
        guard let exchange = resume(Exchange(request: request, caller: caller, context: context)) else {
            return unknownSession(id: nil)
        }
        guard let session = exchange.session, let continuity else { return notAllowed("POST, OPTIONS") }
        guard request.method == .get else {
            continuity.sessions.end(session)
            return Response(.noContent)
        }
        return await openGetStream(session, continuity.sessions.memory(of: session), exchange)
    }

    private func notAllowed(_ methods: String) -> Response {
        refuse(RPCError(.invalidRequest, "Send JSON-RPC messages by POST."), .methodNotAllowed, id: nil).with(.allow, methods)
    }

    private func openGetStream(_ session: LegacySession, _ memory: SessionMemory, _ exchange: Exchange) async -> Response {
        guard exchange.acceptsStream else {
            return refuse(RPCError(.invalidRequest, "Accept must name text/event-stream."), Status(406), id: nil)
        }
        let lost: (log: ReplayLog, number: Int)?
        if let eventID = exchange.request.fields[.lastEventID] {
            lost = memory.place(of: eventID)
            guard lost != nil else {
                return refuse(RPCError(.invalidRequest, "The stream of that event is no longer kept."), .badRequest, id: nil)
            }
        } else {
            lost = nil
        }
        switch await gate.openStream(for: exchange.caller, in: exchange.context) {
        case .refused(let refusal): return refuse(refusal, id: nil)
        case .admitted(let place):
            let (caller, context) = (exchange.caller, exchange.context)
            if let lost {
                return Response(
                    .ok, fields: EventStream.fields,
                    body: .stream { writer in
                        await self.deliver(lost.log, after: lost.number, caller, context, into: writer)
                        withExtendedLifetime(place) {}
                    })
            }
            let stream = OpenStream()
            guard memory.takeStandalone(stream) else {
                return refuse(RPCError(.invalidRequest, "This session has a stream already."), .conflict, id: nil)
            }
            // Given back when the producer goes, also when it never ran.
            let holder = StreamPlace { memory.leaveStandalone(stream) }
            return Response(
                .ok, fields: EventStream.fields,
                body: .stream { writer in
                    await self.tell(stream, memory, caller, context, into: writer)
                    withExtendedLifetime((place, holder)) {}
                })
        }
    }

    /// The stream beside all requests: changes, for as long as the client listens.
    private func tell(
        _ stream: OpenStream, _ memory: SessionMemory, _ caller: Principal?, _ context: RequestContext, into writer: any BodyWriter
    ) async {
        let features = self.features
        let listener = ChangeListener(stream) { change in
            if case .resource(let uri) = change, !memory.isWatching(uri) { return nil }
            return features.tells(change) ? change.notification(meta: nil).map(EventStream.message) : nil
        }
        features.changes?.add(listener)
        defer { features.changes?.remove(listener) }
        // Some clients take a stream for open only when it says something.
        guard (try? await writer.write(EventStream.comment)) != nil else { return }
        await forward(stream, caller, context, endsAtDrain: true, into: writer)
    }

    /// Sends what a log holds after an event, then what is added, until the log ends or the client goes.
    func deliver(
        _ log: ReplayLog, after number: Int, _ caller: Principal?, _ context: RequestContext, into writer: any BodyWriter
    ) async {
        let stream = OpenStream()
        // An empty stream tells a client that this is all: what it asks for is no longer kept.
        guard let missed = log.attach(stream, after: number) else { return }
        defer { log.detach(stream) }
        for index in missed.indices { guard (try? await writer.write(missed[index])) != nil else { return } }
        await forward(stream, caller, context, endsAtDrain: false, into: writer)
    }

    /// - Parameter endsAtDrain: false where a running call still owes its answer.
    private func forward(
        _ stream: OpenStream, _ caller: Principal?, _ context: RequestContext, endsAtDrain: Bool, into writer: any BodyWriter
    ) async {
        streams.add(stream, on: context.executor)
        defer { streams.remove(stream) }
        var judged = MonotonicTime.now()
        while true {
            let signal = await stream.next()
            switch signal {
            case .gone, .ended: return
            case .closing: if endsAtDrain { return }
            case .keepAlive, .event:
                let isDue = signal == .keepAlive || MonotonicTime.now() - judged >= streams.keepAlive
                if isDue {
                    judged = .now()
                    guard await gate.stillStands(caller, in: context) else { return }
                }
                guard case .event(let bytes) = signal else {
                    guard (try? await writer.write(EventStream.comment)) != nil else { return }
                    await writer.rest()
                    continue
                }
                guard (try? await writer.write(bytes)) != nil else { return }
            }
        }
    }
}
