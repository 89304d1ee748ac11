import HTTP
import MCP
import Primitives
import Synchronization

/// An endpoint with a gate that records, a sleeper moved by hand and a few tools.
struct EndpointFixture {
    let gate = RecordingGate()
    let sleeper = ManualSleeper()
    let streams: StreamHub
    let endpoint: MCPEndpoint

    init(_ tools: [Tool] = [.echo, .failing, .adminOnly], keepAlive: Duration = .seconds(15)) throws {
        streams = StreamHub(sleeper: sleeper, keepAlive: keepAlive)
        endpoint = MCPEndpoint(
            info: ServerInfo(name: "test", title: "Test", version: "1.2.3", instructions: "Test tools."),
            registry: try ToolRegistry(tools), gate: gate, sleeper: sleeper, streams: streams)
    }

    /// Posts a body as it is.
    func post(_ body: String, _ fields: Fields = [], accept: String? = "application/json, text/event-stream") async -> Response {
        var fields = fields
        if fields.count(of: .contentType) == 0 { fields.append(.contentType, "application/json") }
        if let accept { fields.append(.accept, accept) }
        return await endpoint.respond(
            to: Request(method: .post, path: "/mcp", fields: fields, body: Array(body.utf8)), caller: nil, in: .sample)
    }

    /// A well-formed request of 2026-07-28, its headers mirrored.
    func modern(
        _ method: String, _ params: [(String, JSONValue)] = [], id: JSONValue = 1, meta: [(String, JSONValue)] = [],
        fields: Fields? = nil, accept: String? = "application/json, text/event-stream"
    ) async -> Response {
        let name = params.first { $0.0 == "name" }?.1.string
        return await post(Self.body(method, params, id: id, meta: meta), fields ?? Self.headers(method, name: name), accept: accept)
    }

    /// A request of an earlier revision.
    func legacy(
        _ method: String, _ params: [(String, JSONValue)]? = nil, id: JSONValue = 1, version: String? = "2025-11-25",
        accept: String? = "application/json, text/event-stream"
    ) async -> Response {
        var object = JSONObject([("jsonrpc", "2.0"), ("id", id), ("method", .string(method))])
        if let params { object.append("params", .object(JSONObject(params))) }
        var fields = Fields()
        if let version { fields.append(.mcpProtocolVersion, version) }
        return await post(JSONValue.object(object).text, fields, accept: accept)
    }

    static let envelope: [(String, JSONValue)] = [
        ("io.modelcontextprotocol/protocolVersion", "2026-07-28"), ("io.modelcontextprotocol/clientCapabilities", [:]),
    ]

    static func body(
        _ method: String, _ params: [(String, JSONValue)] = [], id: JSONValue? = 1, meta: [(String, JSONValue)] = [],
        envelope: [(String, JSONValue)] = envelope
    ) -> String {
        var object = JSONObject([("jsonrpc", "2.0")])
        if let id { object.append("id", id) }
        object.append("method", .string(method))
        object.append("params", .object(JSONObject(params + [("_meta", .object(JSONObject(envelope + meta)))])))
        return JSONValue.object(object).text
    }

    static func headers(_ method: String, name: String? = nil, version: String = "2026-07-28") -> Fields {
        var fields: Fields = [(.mcpProtocolVersion, version), (.mcpMethod, method)]
        if let name { fields.append(.mcpName, name) }
        return fields
    }
}

extension Tool {
    static func make(
        _ name: String, aliases: [String] = [], permission: Permission = .read, isLocal: Bool = true,
        _ run: @escaping @Sendable (JSONObject, ToolContext) async -> ToolResult
    ) -> Tool {
        Tool(
            name: name, aliases: aliases, title: name.uppercased(), description: "Does \(name).", inputSchema: ["type": "object"],
            annotations: ToolAnnotations(readOnly: true), permission: permission, isLocal: isLocal, run: run)
    }

    static let echo = make("echo", aliases: ["repeat"]) { arguments, _ in .structured(.object(arguments)) }
    static let failing = make("failing") { _, _ in .failure("Try another one.") }
    static let adminOnly = make("admin_only", permission: .admin) { _, _ in .structured([:]) }
}

/// Admits what it is not told to refuse, hides what needs `admin`, and keeps what it heard.
final class RecordingGate: Gate {
    private struct State {
        var refusal: Refusal?
        var isWritable = true
        var stands = true
        var admitted: [String] = []
        var arguments: [String] = []
        var outcomes: [ToolOutcome] = []
        var openStreams = 0
    }
    private let state = Mutex(State())

    var admitted: [String] { state.withLock { $0.admitted } }
    var arguments: [String] { state.withLock { $0.arguments } }
    var outcomes: [ToolOutcome] { state.withLock { $0.outcomes } }
    func refuse(with refusal: Refusal?) { state.withLock { $0.refusal = refusal } }
    func breakAudit() { state.withLock { $0.isWritable = false } }
    func withdrawCredential() { state.withLock { $0.stands = false } }

    func isVisible(_ tool: Tool, to caller: Principal?) -> Bool { tool.permission < .admin }

    func settle(_ call: ToolCall, _ fields: Fields, in context: RequestContext) async -> Admission {
        state.withLock { state in
            if let refusal = state.refusal { return .refused(refusal) }
            state.admitted.append(call.tool.name)
            state.arguments.append(String(decoding: call.argumentBytes, as: UTF8.self))
            return .admitted([(.rateLimit, "\"user\";r=1;t=1")])
        }
    }

    func finish(_ call: ToolCall, outcome: ToolOutcome, in context: RequestContext) async -> Bool {
        state.withLock { state in
            state.outcomes.append(outcome)
            return state.isWritable
        }
    }

    var openStreams: Int { state.withLock { $0.openStreams } }

    func openStream(for caller: Principal?, in context: RequestContext) async -> StreamAdmission {
        state.withLock { state in
            if let refusal = state.refusal { return .refused(refusal) }
            state.openStreams += 1
            return .admitted(StreamPlace { [self] in self.state.withLock { $0.openStreams -= 1 } })
        }
    }

    func stillStands(_ caller: Principal?, in context: RequestContext) async -> Bool { state.withLock { $0.stands } }
}

/// Sleeps end when the test lets the time pass, or with their task.
final class ManualSleeper: Sleeper {
    private struct State {
        var nextID = 0
        var sleeping: [Int: (duration: Duration, continuation: CheckedContinuation<Bool, Never>)] = [:]
    }
    private let state = Mutex(State())

    func sleep(for duration: Duration) async throws(CancellationError) {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.sleeping[id] = (duration, continuation) }
                if Task.isCancelled { wake(id, false) }
            }
        } onCancel: {
            wake(id, false)
        }
        if !isOver { throw CancellationError() }
    }

    /// Waits until somebody sleeps for that long and lets the time pass for them.
    func pass(_ duration: Duration) async {
        while true {
            let id = state.withLock { state in state.sleeping.first { $0.value.duration == duration }?.key }
            if let id { return wake(id, true) }
            await Task.yield()
        }
    }

    private func wake(_ id: Int, _ isOver: Bool) {
        state.withLock { $0.sleeping.removeValue(forKey: id) }?.continuation.resume(returning: isOver)
    }
}

/// Something that opens once.
final class Latch: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Collects what a stream wrote; breaks like a lost connection when told to.
final class Sink: BodyWriter {
    private let state = Mutex<(pieces: [String], isBroken: Bool)>(([], false))

    var pieces: [String] { state.withLock { $0.pieces } }
    /// The JSON of each event, comments left out.
    var messages: [JSONValue] {
        pieces.filter { $0.hasPrefix("data: ") }.compactMap { try? JSONValue(parsing: Array($0.dropFirst(6).utf8)) }
    }
    func disconnect() { state.withLock { $0.isBroken = true } }

    func write(_ bytes: [UInt8]) async throws(BodyClosed) {
        let isBroken = state.withLock { state in
            if !state.isBroken { state.pieces.append(String(decoding: bytes, as: UTF8.self)) }
            return state.isBroken
        }
        if isBroken { throw BodyClosed() }
    }
}

extension RequestContext {
    static let sample = RequestContext(
        requestID: RequestID("r-1"), peer: IPAddress("192.0.2.9")!, isSecure: true, loopIndex: 0,
        received: MonotonicTime(nanoseconds: 1_000_000_000))
}

extension Response {
    /// The JSON body; `null` when there is none.
    var json: JSONValue {
        guard case .bytes(let bytes) = body else { return .null }
        return (try? JSONValue(parsing: bytes)) ?? .null
    }
    var code: Int? { json["error"]?["code"]?.int }
    var isEmpty: Bool {
        if case .none = body { return true }
        return false
    }
    var producer: BodyProducer? {
        guard case .stream(let producer) = body else { return nil }
        return producer
    }
}
