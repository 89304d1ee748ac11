import HTTP
import MCP
import Primitives
import Synchronization

/// Seals with a checksum in place of cryptography: enough to notice every change a test makes.
struct TestCipher: HandleCipher {
    var key: UInt64 = 1

    private func tag(_ parts: [[UInt8]]) -> [UInt8] {
        var hash = 0xCBF2_9CE4_8422_2325 ^ key
        for part in parts {
            for byte in part + [0xFF, UInt8(truncatingIfNeeded: part.count)] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * $0)) }
    }

    func seal(_ plain: [UInt8], authenticating context: [UInt8]) -> [UInt8] { tag([plain, context]) + plain }

    func open(_ box: [UInt8], authenticating context: [UInt8]) -> [UInt8]? {
        guard box.count >= 8, Array(box[..<8]) == tag([Array(box[8...]), context]) else { return nil }
        return Array(box[8...])
    }
}

/// A clock moved by hand.
final class ManualClock: Sendable {
    private let state = Mutex(Timestamp(seconds: 1_000_000))

    var now: Timestamp { state.withLock { $0 } }
    func pass(_ duration: Duration) { state.withLock { $0 = $0 + duration } }
}

extension Principal {
    static func make(_ user: String, client: String? = "c", grant: String? = "g") -> Principal {
        Principal(
            userID: UserID(user), username: user, role: .admin, scopes: ScopeSet(text: "qarnot:admin"), resource: nil,
            credential: .accessToken,
            clientID: client.map(ClientID.init), grantID: grant.map(GrantID.init), tokenReference: "00000000", expiresAt: nil)
    }
}

/// An endpoint with memory between requests, for several callers.
struct MemoryFixture {
    let clock = ManualClock()
    let gate = RecordingGate()
    let sleeper = ManualSleeper()
    let streams: StreamHub
    let endpoint: MCPEndpoint

    init(_ tools: [Tool] = [.echo], instance: String = "one", name: String = "test", _ change: (inout Features) -> Void = { _ in })
        throws
    {
        var features = Features()
        features.hasTasks = true
        change(&features)
        streams = StreamHub(sleeper: sleeper)
        let continuity = Continuity(
            handles: HandleSealer(cipher: TestCipher(), clock: { [clock] in clock.now }), instance: instance,
            clock: { [clock] in clock.now })
        endpoint = MCPEndpoint(
            info: ServerInfo(name: name, title: "Test", version: "1", instructions: ""), registry: try ToolRegistry(tools),
            gate: gate,
            sleeper: sleeper, streams: streams, features: features, continuity: continuity)
    }

    func send(_ method: HTTP.Method = .post, _ body: JSONValue? = nil, _ fields: Fields, as caller: Principal?) async -> Response {
        var all = fields
        all.append(.contentType, "application/json")
        if fields.count(of: .accept) == 0 { all.append(.accept, "application/json, text/event-stream") }
        return await endpoint.respond(
            to: Request(method: method, path: "/mcp", fields: all, body: body?.serialized ?? []), caller: caller, in: .sample)
    }

    func modern(
        _ method: String, _ params: JSONValue = [:], as caller: Principal?, capabilities: JSONValue = ["elicitation": [:]]
    ) async -> Response {
        var members = params.object ?? JSONObject()
        var meta = JSONObject()
        meta.append("io.modelcontextprotocol/protocolVersion", "2026-07-28")
        meta.append("io.modelcontextprotocol/clientCapabilities", capabilities)
        members["_meta"] = .object(meta)
        let name = (method.hasPrefix("tasks/") ? params["taskId"] : params["name"])?.string
        return await send(
            .post, ["jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(members)],
            EndpointFixture.headers(method, name: name), as: caller)
    }

    /// The id of a new session.
    func initialize(as caller: Principal?, version: String = "2025-11-25", capabilities: JSONValue = ["elicitation": [:]]) async
        -> String?
    {
        let params: JSONValue = ["protocolVersion": .string(version), "capabilities": capabilities]
        let answer = await send(
            .post, ["jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params], [], as: caller)
        return answer.fields[.mcpSessionID]
    }

    func legacy(_ method: String, _ params: JSONValue = [:], id: JSONValue = 1, session: String?, as caller: Principal?) async
        -> Response
    {
        await send(
            .post, ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": params],
            session.map { [(.mcpSessionID, $0)] } ?? [], as: caller)
    }
}
