import Audit
import Crypto
import HTTP
import MCP
import OAuth
import Policy
import Primitives

/// Judges every tool call, whatever its era and transport: scope and role, limits, concurrency, then the record (RS-8 to RS-10).
final class ToolGate: Gate {
    let engine: String
    let resource: ProtectedResource
    let settings: OAuthSettings
    let limits: Configuration.Limits
    /// Of `limits.tools`, those of this engine, by the tool's name.
    let toolQuotas: [String: Quota?]
    let limiter: RateLimiter
    let cap: ConcurrencyCap
    /// Streams held open, by user; they are no calls in flight (contract §9).
    let streamCap: ConcurrencyCap
    let auditor: Auditor
    let sleeper: any Sleeper
    let metrics: LimitMetrics
    /// Whether a principal's credential would still be accepted now.
    let standing: @Sendable (Principal) async -> Bool

    init(
        engine: String, resource: ProtectedResource, settings: OAuthSettings, limits: Configuration.Limits,
        toolQuotas: [String: Quota?], limiter: RateLimiter, cap: ConcurrencyCap, streamCap: ConcurrencyCap,
        auditor: Auditor, sleeper: any Sleeper, metrics: LimitMetrics = LimitMetrics(),
        standing: @escaping @Sendable (Principal) async -> Bool
    ) {
        self.engine = engine
        self.resource = resource
        self.settings = settings
        self.limits = limits
        self.toolQuotas = toolQuotas
        self.limiter = limiter
        self.cap = cap
        self.streamCap = streamCap
        self.auditor = auditor
        self.sleeper = sleeper
        self.metrics = metrics
        self.standing = standing
    }

    /// How long a call waits for one of its user's own to end (contract §9).
    private static let patience = Duration.seconds(5)

    func isVisible(_ tool: Tool, to caller: Principal?) -> Bool {
        caller.map { ToolPolicy.judge($0, engine: engine, needs: tool.permission) == .allowed } ?? false
    }

    func judge(_ call: ToolCall, in context: RequestContext) -> Judgement {
        guard let caller = call.caller else { return .settled(.refused(forbidden(call, "anonymous"))) }
        switch ToolPolicy.judge(caller, engine: engine, needs: call.tool.permission) {
        case .allowed: break
        case .needsScope(let scope): return .settled(.refused(insufficient(call, scope)))
        case .beyondRole: return .settled(.refused(forbidden(call, "role")))
        }
        if let needed = settings.stepUp(engine: engine, call.tool.permission),
            !needed.isMet(by: caller.assurance, at: caller.authenticatedAt, now: .now())
        {
            return .settled(.refused(weak(call, needed)))
        }
        var fields = Fields()
        if let refusal = charge(call, caller, context, &fields) { return .settled(.refused(refusal)) }
        guard call.tool.annotations.isReadOnly, cap.enter(caller.userID) else { return .pending(fields) }
        return .settled(.admitted(fields))
    }

    func settle(_ call: ToolCall, _ fields: Fields, in context: RequestContext) async -> Admission {
        guard let caller = call.caller else { return .refused(forbidden(call, "anonymous")) }
        guard await enter(caller.userID) else {
            return .refused(tooMany(call, "concurrency", .seconds(5), fields, at: context.received))
        }
        // What spends or destroys is on disk before it happens: with a full disk nothing is started (contract §9).
        if !call.tool.annotations.isReadOnly, await !record(call, .intent, context) {
            cap.leave(caller.userID)
            return .refused(Self.unavailable)
        }
        return .admitted(fields)
    }

    func finish(_ call: ToolCall, outcome: ToolOutcome, in context: RequestContext) async -> Bool {
        if let caller = call.caller { cap.leave(caller.userID) }
        guard await auditor.learn(call.caller) else { return false }
        return await auditor.record(conclusion(of: call, outcome, context))
    }

    /// What happened within the call, then how it ended.
    @inline(never) private func conclusion(
        of call: ToolCall, _ outcome: ToolOutcome, _ context: RequestContext
    ) -> [AuditRecord] {
        let outcomeWord: Event.Outcome = outcome == .completed || outcome == .awaitingInput ? .success : .failure
        let end = makeRecord(call, outcomeWord, context, Self.reason(outcome))
        auditor.count("mcp.tool.called", outcomeWord)
        guard let noted = call.notes?.close(), !noted.isEmpty else { return [end] }
        for note in noted { auditor.count(note.event.name, note.event.outcome) }
        let place = AuditContext(requestID: context.requestID, source: context.peer)
        return noted.map { note in
            var event = note.event
            auditor.pseudonyms?.apply(to: &event)
            return AuditRecord(event, in: place, at: note.at)
        } + [end]
    }

    private static func reason(_ outcome: ToolOutcome) -> String? {
        switch outcome {
        case .completed, .toolError: nil
        case .cancelled: "cancelled"
        case .awaitingInput: "input_required"
        }
    }

    func openStream(for caller: Principal?, in context: RequestContext) async -> StreamAdmission {
        guard let user = caller?.userID, streamCap.enter(user, below: limits.streams) else {
            return .refused(tooManyStreams(caller, at: context.received))
        }
        return .admitted(StreamPlace { [streamCap] in streamCap.leave(user) })
    }

    func stillStands(_ caller: Principal?, in context: RequestContext) async -> Bool {
        guard let caller else { return false }
        return await standing(caller)
    }

    private func enter(_ user: UserID) async -> Bool {
        cap.enter(user) ? true : await queue(user)
    }

    @inline(never) private func queue(_ user: UserID) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.cap.enterWhenFree(user) }
            group.addTask {
                try? await self.sleeper.sleep(for: Self.patience)
                return false
            }
            let isFirstIn = await group.next() ?? false
            group.cancelAll()
            if isFirstIn { return true }
            // The place may have come in the very moment the time was over; it must not be lost.
            return await group.next() ?? false
        }
    }

    /// Client, user, tool, in this order. Authorization came first, so that a refused caller cannot drain the user's bucket (RL-2).
    private func charge(_ call: ToolCall, _ caller: Principal, _ context: RequestContext, _ fields: inout Fields) -> Refusal? {
        var headers = RateLimitHeaders()
        var denied: (policy: String, wait: Duration)?
        if let quota = limits.client, let client = caller.clientID {
            let verdict = limiter.charge(.client("calls", client.text), quota, at: context.received)
            headers.add("client", quota, verdict)
            if !verdict.isAllowed { denied = ("limit.client", verdict.wait) }
        }
        if denied == nil, let quota = limits.user {
            let verdict = limiter.charge(.user(caller.userID), quota, at: context.received)
            headers.add("user", quota, verdict)
            if !verdict.isAllowed { denied = ("limit.user", verdict.wait) }
        }
        if denied == nil, let quota = quota(of: call.tool.name) {
            let verdict = limiter.charge(.tool(caller.userID, engine: engine, tool: call.tool.name), quota, at: context.received)
            headers.add("tool", quota, verdict)
            if !verdict.isAllowed { denied = ("limit.tool", verdict.wait) }
        }
        if !headers.isEmpty {
            fields.append(.rateLimitPolicy, bytes: headers.policy)
            fields.append(.rateLimit, bytes: headers.state)
        }
        guard let denied else { return nil }
        guard !limits.isDryRun else {
            metrics.record(denied.policy, isDry: true)
            return nil
        }
        return tooMany(call, denied.policy, denied.wait, fields, at: context.received)
    }

    /// The tool's own quota, else the default; nil when off.
    private func quota(of tool: String) -> Quota? {
        guard !toolQuotas.isEmpty, let own = toolQuotas[tool] else { return limits.toolDefault }
        return own
    }
}

// MARK: - Refusals and records

extension ToolGate {
    private func insufficient(_ call: ToolCall, _ scope: Scope) -> Refusal {
        Refusal(
            status: .forbidden,
            fields: [
                (.wwwAuthenticate, Challenge.bearer(resource, settings, error: "insufficient_scope", scope: scope.description))
            ],
            error: RPCError(.forbidden, "This tool needs the scope \(scope).", data: ["scope": .string(scope.description)]),
            events: [denial(call, "scope")])
    }

    /// The client leads the person to a sign-in that is enough, and tries again (RFC 9470).
    private func weak(_ call: ToolCall, _ needed: StepUp) -> Refusal {
        let what = needed.assurance == .single ? "a recent sign-in" : "a stronger or more recent sign-in"
        return Refusal(
            status: .unauthorized, fields: [(.wwwAuthenticate, Challenge.stepUp(resource, settings, needed))],
            error: RPCError(.forbidden, "This tool needs \(what).", data: ["acr_values": .string(needed.assurance.rawValue)]),
            events: [denial(call, "assurance")])
    }

    /// No scope would help, so none is named: any other 403 ends a client's attempts.
    private func forbidden(_ call: ToolCall, _ policy: String) -> Refusal {
        Refusal(
            status: .forbidden, fields: Fields(),
            error: RPCError(.forbidden, "Your role does not allow this tool. Ask the administrator."),
            events: [denial(call, policy)])
    }

    @inline(never) private func tooMany(
        _ call: ToolCall, _ policy: String, _ wait: Duration, _ fields: Fields, at now: MonotonicTime
    ) -> Refusal {
        metrics.record(policy)
        let seconds = max(1, wait.secondsRoundedUp)
        var fields = fields
        fields.append(.retryAfter, "\(seconds)")
        var event = Event("ratelimit.exceeded", .denied, subject: call.caller?.username, client: call.caller?.clientID)
        (event.policy, event.tool, event.engine) = (policy, call.tool.name, engine)
        let isNoted = limiter.isWorthNoting(policy, call.caller?.userID.text ?? "", at: now)
        return Refusal(
            status: .tooManyRequests, fields: fields,
            error: RPCError(.refused, "Too many calls. Wait, then try again.", data: ["retryAfter": .int(seconds)]),
            events: isNoted ? [event] : []
        )
    }

    @inline(never) private func tooManyStreams(_ caller: Principal?, at now: MonotonicTime) -> Refusal {
        metrics.record("limit.streams")
        var event = Event("ratelimit.exceeded", .denied, subject: caller?.username, client: caller?.clientID)
        (event.policy, event.engine) = ("limit.streams", engine)
        let isNoted = limiter.isWorthNoting("limit.streams", caller?.userID.text ?? "", at: now)
        return Refusal(
            status: .tooManyRequests, fields: [(.retryAfter, "60")],
            error: RPCError(
                .refused, "\(limits.streams) streams are open already. Close one, then try again.", data: ["retryAfter": 60]),
            events: isNoted ? [event] : [])
    }

    /// Of `{}`, the only object of two bytes.
    private static let emptyDigest = Hex.encode(SHA256.digest(Array("{}".utf8)))

    private static let unavailable = Refusal(
        status: .serviceUnavailable, fields: [(.retryAfter, "5")],
        error: RPCError(.unavailable, "The audit log cannot be written, so nothing was started."))

    private func denial(_ call: ToolCall, _ policy: String) -> Event {
        Event(
            "mcp.tool.denied", .denied, caller: call.caller, resource: resource.url, tool: call.tool.name, engine: engine,
            policy: policy)
    }

    private func record(_ call: ToolCall, _ outcome: Event.Outcome, _ context: RequestContext, reason: String? = nil) async -> Bool
    {
        guard await auditor.learn(call.caller) else { return false }
        auditor.count("mcp.tool.called", outcome)
        return await auditor.record([makeRecord(call, outcome, context, reason)])
    }

    /// Made before the wait, and apart from it: an event is a dozen texts, each counted whenever it is copied.
    @inline(never) private func makeRecord(
        _ call: ToolCall, _ outcome: Event.Outcome, _ context: RequestContext, _ reason: String?
    ) -> AuditRecord {
        var event = Event(
            "mcp.tool.called", outcome, reason: reason, caller: call.caller, resource: resource.url, tool: call.tool.name,
            engine: engine,
            argumentDigest: call.argumentBytes.count == 2 ? Self.emptyDigest : Hex.encode(SHA256.digest(call.argumentBytes)),
            milliseconds: outcome == .intent ? nil : Int((MonotonicTime.now() - context.received).milliseconds))
        auditor.pseudonyms?.apply(to: &event)
        return AuditRecord(event, in: AuditContext(requestID: context.requestID, source: context.peer))
    }
}
