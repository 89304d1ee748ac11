package import Client
internal import Crypto
package import HTTP
internal import MCP
internal import Primitives
internal import Synchronization
package import Transport

/// One MCP server behind the gateway: how it is reached, what era it speaks, how it does.
package final class Upstream: Sendable {
    let settings: ProxySettings
    let client: UpstreamClient
    let keys: any KeySource
    private let identities: (any IdentitySource)?
    let breaker = CircuitBreaker()
    let catalog: ToolCatalog
    let sessions = LegacySessions()
    let parked: ParkedCalls
    let pending = PendingInputs()
    let active = ActiveCalls()
    let endedSessions = EndedSessions()
    let subscriptions = LegacySubscriptions()
    let group: EventLoopGroup
    let sleeper: any Sleeper
    /// What every request carries, built once.
    let commonFields: Fields
    private let known = Mutex<KnownEra?>(nil)
    private let counter = Atomic<UInt64>(1)

    private struct KnownEra {
        let era: Era
        let since: MonotonicTime
    }

    /// What an upstream speaks.
    enum Era: Sendable, Equatable {
        case modern, legacy
    }

    package init(
        settings: ProxySettings, client: UpstreamClient, keys: any KeySource, identities: (any IdentitySource)? = nil,
        group: EventLoopGroup, sleeper: any Sleeper, pins: any PinStore
    ) {
        self.settings = settings
        self.client = client
        self.keys = keys
        self.identities = identities
        self.group = group
        self.sleeper = sleeper
        commonFields = [
            (.contentType, "application/json"), (.accept, "application/json, text/event-stream"),
            (.userAgent, "gatehouse/\(settings.version)"),
        ]
        catalog = ToolCatalog(settings: settings, pins: pins)
        parked = ParkedCalls(sleeper: sleeper)
    }

    /// For `/ready`: `unknown` before the first call.
    package var health: String { breaker.health.rawValue }
    package var name: String { settings.name }

    /// A JSON-RPC id of ours, never used before.
    func nextID() -> [UInt8] { Array("\(counter.wrappingAdd(1, ordering: .relaxed).oldValue)".utf8) }

    /// The caller's key. Nil only where the upstream takes none.
    func key(for caller: Principal, noting notes: CallNotes? = nil) async throws(ProxyFailure) -> Secret? {
        guard settings.credential != nil else { return nil }
        let key: Secret?
        do { key = try await keys.key(for: caller, noting: notes) } catch {
            throw ProxyFailure(.keyUnavailable, "Your key for \(settings.name) cannot be read now. Try again in a few seconds.")
        }
        guard let key else {
            throw ProxyFailure(.keyMissing, "There is no key of yours for \(settings.name). Add it at \(settings.accountURL).")
        }
        return key
    }

    // MARK: One request

    /// One HTTP request to the upstream.
    struct Outgoing: Sendable {
        var method = Method.post
        var fields: Fields
        var body: [UInt8] = []
        var isRepeatable = true
        /// Nil takes the configured one.
        var timeout: Duration?
    }

    /// Sends a request. Comes back for 2xx, and for 400, 404 and 405, whose bodies may say something about eras and sessions.
    /// - Throws: `ProxyFailure` for everything else: no status and no words of the upstream reach our client (mcp.md §9, HDR-5).
    func send(
        _ outgoing: Outgoing, key: Secret?, caller: Principal, cancellation: UpstreamCancellation
    ) async throws(ProxyFailure) -> UpstreamExchange {
        if let wait = breaker.admit(at: .now()) {
            throw ProxyFailure(
                .resting, "\(settings.name) failed several times. Try again in \(max(1, wait.secondsRoundedUp)) seconds.")
        }
        var request = UpstreamRequest(
            outgoing.method, fields: outgoing.fields, body: outgoing.body, isRepeatable: outgoing.isRepeatable,
            timeout: outgoing.timeout ?? settings.timeout)
        if let key, let credential = settings.credential { request.credential = (credential.header, credential.value(of: key)) }
        if let identity = settings.identity { try assert(caller, identity, in: &request) }
        let exchange: UpstreamExchange
        do throws(ClientError) { exchange = try await client.pool.send(request, cancellation: cancellation) } catch {
            // A client that went away says nothing about the upstream; `succeeded` would hide earlier failures.
            if error.code != .cancelled, error.code != .busy { breaker.failed(at: .now()) }
            throw Self.failure(error, name: settings.name)
        }
        return try await judge(exchange, caller, key: key)
    }

    /// Without an assertion nothing is sent: the upstream would take the call for somebody's without a name.
    private func assert(
        _ caller: Principal, _ identity: ProxySettings.Identity, in request: inout UpstreamRequest
    ) throws(ProxyFailure) {
        guard let text = identities?.assertion(of: caller, for: identity.audience) else {
            throw ProxyFailure(.keyUnavailable, "\(settings.name) cannot be told who calls. Try again in a few seconds.")
        }
        request.fields.append(name: identity.header.utf8, value: text.utf8)
    }

    private func judge(
        _ exchange: UpstreamExchange, _ caller: Principal, key: Secret?
    ) async throws(ProxyFailure) -> UpstreamExchange {
        switch exchange.status {
        case 200..<300, 400, 404, 405:
            breaker.succeeded()
            if key != nil, exchange.status < 300 { await keys.markWorking(for: caller) }
            return exchange
        case 401, 403:
            breaker.succeeded()
            exchange.abandon()
            guard let key else {
                throw ProxyFailure(
                    .refused, "\(settings.name) wants a credential the administrator has not configured.", status: exchange.status)
            }
            await keys.markRejected(key, of: caller)
            throw ProxyFailure(
                .keyRejected, "\(settings.name) refused your key. Renew it at \(settings.accountURL).", status: exchange.status)
        case 429:
            breaker.succeeded()
            exchange.abandon()
            throw ProxyFailure(.busy, "\(settings.name) asks for fewer calls. Wait a little, then try again.", status: 429)
        case 500...:
            breaker.failed(at: .now())
            exchange.abandon()
            throw ProxyFailure(
                .refused, "\(settings.name) failed with status \(exchange.status). Try again later.", status: exchange.status)
        default:
            breaker.succeeded()
            exchange.abandon()
            throw ProxyFailure(
                .refused, "\(settings.name) answered with status \(exchange.status), which is no answer. Tell the administrator.",
                status: exchange.status)
        }
    }

    static func failure(_ error: ClientError, name: String = "The upstream server") -> ProxyFailure {
        switch error.code {
        case .resolve, .connect, .tls:
            ProxyFailure(.unreachable, "\(name) cannot be reached. Try again later, or tell the administrator.")
        case .timeout: ProxyFailure(.slow, "\(name) did not answer in time. Look whether the call took effect, then try again.")
        case .tooLarge: ProxyFailure(.tooLarge, "\(name) sent more than is allowed. Ask for less.")
        case .busy: ProxyFailure(.busy, "Too many calls to \(name) are running. Try again in a few seconds.")
        case .cancelled: ProxyFailure(.cancelled, "The call was cancelled.")
        case .invalidRequest, .transport:
            ProxyFailure(.broken, "\(name) broke off its answer. Look whether the call took effect, then try again.")
        }
    }

    // MARK: Eras

    private static let eraLifetime = Duration.seconds(600)

    var cachedEra: Era? {
        known.withLock { known in
            guard let found = known, MonotonicTime.now() - found.since < Self.eraLifetime else { return nil }
            return found.era
        }
    }

    /// The era is asked for again at the next call.
    func forgetEra() { known.withLock { $0 = nil } }

    /// What the upstream speaks: asked once with `server/discover`, then remembered for ten minutes (mcp.md §9).
    func era(for caller: Principal, key: Secret?, origin: RequestOrigin) async throws(ProxyFailure) -> Era {
        if let cached = cachedEra { return cached }
        let era = try await probe(caller, key, origin)
        known.withLock { $0 = KnownEra(era: era, since: .now()) }
        return era
    }

    private func probe(_ caller: Principal, _ key: Secret?, _ origin: RequestOrigin) async throws(ProxyFailure) -> Era {
        let params = RawObject.envelope(settings, capabilities: Array("{}".utf8))
        let body = RawMessage.request(id: nextID(), method: "server/discover", params: RawObject(meta: params).serialized)
        let exchange = try await send(
            Outgoing(fields: modernFields("server/discover", name: nil, origin), body: body), key: key, caller: caller,
            cancellation: UpstreamCancellation())
        guard exchange.status < 400 else {
            exchange.abandon()
            return .legacy
        }
        let answer = try? await response(of: MessageSource(exchange, limit: settings.maximumResponseBytes))
        let versions = answer?.root["result"]?["supportedVersions"]?.elements.compactMap(\.string) ?? []
        return versions.contains(Revision.july2026.rawValue) ? .modern : .legacy
    }

    /// The response in a source, notifications passed over.
    func response(of source: MessageSource) async throws(ProxyFailure) -> JSONDocument {
        let end = MonotonicTime.now() + settings.timeout
        while true {
            switch try await source.next(within: max(.milliseconds(1), end - .now())) {
            case .message(let document, _):
                guard document.root["method"] == nil else { continue }
                source.exchange.abandon()
                return document
            case .mark: continue
            case .quiet:
                source.exchange.abandon()
                throw ProxyFailure(.slow, "\(settings.name) did not answer in time. Try again.")
            case .end: throw ProxyFailure(.broken, "\(settings.name) broke off its answer. Try again.")
            }
        }
    }
}

/// Where a request came from, for the fields only we may set (HDR-4).
struct RequestOrigin: Sendable {
    let peer: IPAddress
    /// Names the trace the request belongs to.
    let requestID: RequestID

    init(_ context: RequestContext) { (peer, requestID) = (context.peer, context.requestID) }
}

extension RawObject {
    /// Params that hold an envelope and nothing else.
    init(meta: RawObject) {
        self.init()
        self["_meta"] = meta.serialized
    }

    /// The `_meta` every 2026-07-28 request needs.
    static func envelope(_ settings: ProxySettings, capabilities: [UInt8], info: [UInt8]? = nil) -> RawObject {
        var meta = RawObject()
        meta.set(MetaKey.protocolVersion.description, .string(Revision.july2026.rawValue))
        meta[MetaKey.clientCapabilities.description] = capabilities
        meta["io.modelcontextprotocol/clientInfo"] = info ?? settings.clientInfo
        return meta
    }
}

extension ProxySettings {
    /// Who we are to upstreams, as JSON.
    var clientInfo: [UInt8] {
        let info: JSONValue = ["name": "gatehouse", "title": "Gatehouse", "version": .string(version)]
        return info.serialized
    }
}
