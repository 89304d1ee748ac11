import Crypto
import Everything
import HTTP
import MCP
import Primitives
import Synchronization
import Testing

/// The fixture behind its endpoint, without a network: what a scenario of mcp.md §10 sends, and what comes back.
struct Site {
    /// How a client speaks: with a handshake, or of 2026-07-28.
    enum Era: Sendable, CaseIterable, CustomTestStringConvertible {
        case legacy, modern
        var testDescription: String { self == .legacy ? "L" : "M" }
    }

    static let capabilities: JSONValue = ["sampling": [:], "elicitation": [:], "roots": ["listChanged": true]]
    static let tasks: JSONValue = ["elicitation": [:], "extensions": ["io.modelcontextprotocol/tasks": [:]]]

    let endpoint: MCPEndpoint
    let streams = StreamHub(sleeper: ShortSleeper())

    init() throws {
        let continuity = Continuity(
            handles: HandleSealer(cipher: SealingKeys(Secret([UInt8](repeating: 7, count: 32)))), instance: "test")
        endpoint = try Fixture().makeEndpoint(sleeper: ShortSleeper(), streams: streams, continuity: continuity)
    }

    func send(_ message: JSONValue, _ fields: Fields) async -> Response {
        var fields = fields
        if fields.count(of: .accept) == 0 { fields.append(.accept, "application/json, text/event-stream") }
        fields.append(.contentType, "application/json")
        return await endpoint.respond(
            to: Request(method: .post, path: "/mcp", fields: fields, body: message.serialized), caller: nil, in: .sample)
    }

    /// A request of 2026-07-28 with everything in its place.
    func modern(
        _ method: String, _ params: JSONValue = [:], capabilities: JSONValue = capabilities, meta: [(String, JSONValue)] = [],
        fields: Fields = [], id: JSONValue = 1
    ) async -> Response {
        let envelope: [(String, JSONValue)] = [
            ("io.modelcontextprotocol/protocolVersion", "2026-07-28"), ("io.modelcontextprotocol/clientCapabilities", capabilities),
        ]
        var members = params.object ?? JSONObject()
        members["_meta"] = .object(JSONObject(envelope + meta))
        var all: Fields = [(.mcpProtocolVersion, "2026-07-28"), (.mcpMethod, method)]
        let name = method.hasPrefix("tasks/") ? params["taskId"] : params["name"] ?? params["uri"]
        if let name = name?.string { all.append(.mcpName, name) }
        all.append(contentsOf: fields)
        return await send(["jsonrpc": "2.0", "id": id, "method": .string(method), "params": .object(members)], all)
    }

    /// A client after its handshake.
    func handshake(version: String = "2025-11-25", capabilities: JSONValue = ["sampling": [:], "elicitation": [:]]) async -> Session
    {
        let params: JSONValue = [
            "protocolVersion": .string(version), "capabilities": capabilities, "clientInfo": ["name": "t", "version": "1"],
        ]
        let answer = await send(["jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params], [])
        return Session(site: self, id: answer.fields[.mcpSessionID], version: version, hello: answer.json["result"] ?? [:])
    }

    /// The result of a request that needs nothing beside, in one era.
    func result(_ era: Era, _ method: String, _ params: JSONValue = [:]) async -> JSONValue? {
        let answer = era == .modern ? await modern(method, params) : await handshake().request(method, params)
        return await answer.messages().last?["result"]
    }

    func call(_ era: Era, _ tool: String, _ arguments: JSONValue = [:]) async -> JSONValue? {
        await result(era, "tools/call", ["name": .string(tool), "arguments": arguments])
    }
}

/// A client of the older revisions.
struct Session {
    let site: Site
    let id: String?
    let version: String
    let hello: JSONValue

    func fields(_ more: Fields = []) -> Fields {
        var fields: Fields = [(.mcpProtocolVersion, version)]
        if let id { fields.append(.mcpSessionID, id) }
        fields.append(contentsOf: more)
        return fields
    }

    func request(_ method: String, _ params: JSONValue = [:], id: JSONValue = 1) async -> Response {
        await site.send(["jsonrpc": "2.0", "id": id, "method": .string(method), "params": params], fields())
    }

    func bare(_ method: HTTP.Method, _ more: Fields = [(.accept, "text/event-stream")]) async -> Response {
        await site.endpoint.respond(to: Request(method: method, path: "/mcp", fields: fields(more)), caller: nil, in: .sample)
    }

    /// Calls a tool and answers what it asks. - Returns: everything the server sent, the response last.
    func call(
        _ tool: String, _ arguments: JSONValue = [:], answer: @escaping @Sendable (JSONValue) -> JSONValue
    ) async -> [JSONValue] {
        let response = await request("tools/call", ["name": .string(tool), "arguments": arguments])
        return await response.messages { message in
            guard let question = message["id"], message["method"] != nil else { return }
            let reply: JSONValue = ["jsonrpc": "2.0", "id": question, "result": answer(message)]
            _ = await site.send(reply, fields())
        }
    }
}

/// Waits of less than a second are over at once; longer ones last until their task is cancelled.
struct ShortSleeper: Sleeper {
    func sleep(for duration: Duration) async throws(CancellationError) {
        if duration < .seconds(1) {
            await Task.yield()
            if Task.isCancelled { throw CancellationError() }
            return
        }
        let gate = Gate()
        await withTaskCancellationHandler {
            await gate.wait()
        } onCancel: {
            gate.open()
        }
        throw CancellationError()
    }

    private final class Gate: Sendable {
        private let state = Mutex<(isOpen: Bool, waiter: CheckedContinuation<Void, Never>?)>((false, nil))

        func wait() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiter = continuation }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiter = state.withLock { state in
                state.isOpen = true
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}

extension RequestContext {
    static let sample = RequestContext(
        requestID: RequestID("r-1"), peer: IPAddress("127.0.0.1")!, isSecure: false, loopIndex: 0,
        received: MonotonicTime(nanoseconds: 1_000_000_000))
}

extension Response {
    var json: JSONValue {
        guard case .bytes(let bytes) = body else { return .null }
        return (try? JSONValue(parsing: bytes)) ?? .null
    }
    var code: Int? { json["error"]?["code"]?.int }
    var isStream: Bool { if case .stream = body { true } else { false } }

    /// Every message of the answer, read to its end. - Parameter each: sees each as it comes.
    func messages(_ each: @escaping @Sendable (JSONValue) async -> Void = { _ in }) async -> [JSONValue] {
        guard case .stream(let produce) = body else { return [json] }
        let reader = Reader(each)
        await produce(reader)
        return reader.messages
    }

    /// The events of a stream as they stand in it.
    func events() async -> [String] {
        guard case .stream(let produce) = body else { return [] }
        let reader = Reader { _ in }
        await produce(reader)
        return reader.texts
    }
}

/// Reads a stream; goes away when told to.
final class Reader: BodyWriter {
    private let state = Mutex<(texts: [String], isGone: Bool)>(([], false))
    private let each: @Sendable (JSONValue) async -> Void

    init(_ each: @escaping @Sendable (JSONValue) async -> Void = { _ in }) { self.each = each }

    var texts: [String] { state.withLock { $0.texts } }
    var messages: [JSONValue] { texts.compactMap(Self.message) }
    func leave() { state.withLock { $0.isGone = true } }

    func write(_ bytes: [UInt8]) async throws(BodyClosed) {
        let text = String(decoding: bytes, as: UTF8.self)
        let isGone = state.withLock { state in
            if !state.isGone { state.texts.append(text) }
            return state.isGone
        }
        if isGone { throw BodyClosed() }
        if let message = Self.message(text) { await each(message) }
    }

    private static func message(_ event: String) -> JSONValue? {
        let lines = event.split(separator: "\n").filter { $0.hasPrefix("data: ") }
        return lines.first.flatMap { try? JSONValue(parsing: Array($0.dropFirst(6).utf8)) }
    }
}
