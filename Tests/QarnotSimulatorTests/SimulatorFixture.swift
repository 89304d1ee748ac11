import Foundation
import HTTP
import Primitives
import QarnotSimulator
import Synchronization
import Testing

/// A simulator driven without sockets, on a clock moved by hand.
struct SimulatorFixture {
    let clock: ManualClock
    let simulator: SimulatedQarnot

    init(at start: String = "2026-11-20T19:45:35Z", limits: Limits = Limits()) {
        let clock = ManualClock(Timestamp(rfc3339: start)!)
        self.clock = clock
        simulator = SimulatedQarnot(
            accounts: [
                .init(token: Secret("sim-token-alice"), email: "alice@example.com"),
                .init(token: Secret("sim-token-bob"), email: "bob@example.com"),
            ], limits: limits, sleeper: NoSleep(), now: { clock.now })
        simulator.announce(storageURL: "http://127.0.0.1:28781")
    }

    static let context = RequestContext(
        requestID: RequestID("r"), peer: IPAddress("127.0.0.1")!, isSecure: false, loopIndex: 0,
        received: MonotonicTime(nanoseconds: 0))

    func rest(_ method: HTTP.Method, _ target: String, _ body: JSONValue? = nil, token: String? = "sim-token-alice") async -> Reply
    {
        var request = Self.request(method, target, body?.serialized ?? [])
        if let token { request.fields.append(.authorization, token) }
        return Reply(await simulator.rest.respond(to: request, in: Self.context))
    }

    func admin(_ method: HTTP.Method, _ target: String, _ body: JSONValue? = nil) async -> Reply {
        Reply(await simulator.admin.respond(to: Self.request(method, target, body?.serialized ?? []), in: Self.context))
    }

    func storage(_ request: Request) async -> Reply { Reply(await simulator.storage.respond(to: request, in: Self.context)) }

    static func request(_ method: HTTP.Method, _ target: String, _ body: [UInt8] = []) -> Request {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        return Request(method: method, path: parts[0], query: parts.count > 1 ? parts[1] : nil, body: body)
    }

    /// Submits a task and returns its UUID.
    func submit(_ changes: [(String, JSONValue)] = [], token: String = "sim-token-alice") async -> String {
        let order = JSONObject([("name", "t"), ("profile", "docker-batch"), ("instanceCount", 1)] + changes)
        return await rest(.post, "/tasks", .object(order), token: token).json["uuid"]?.string ?? ""
    }

    func state(of uuid: String) async -> String { await rest(.get, "/tasks/\(uuid)").json["state"]?.string ?? "" }
}

struct Reply {
    let status: UInt16
    let fields: Fields
    let body: [UInt8]

    init(_ response: Response) {
        status = response.status.code
        fields = response.fields
        if case .bytes(let bytes) = response.body { body = bytes } else { body = [] }
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
}

final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>
    init(_ start: Timestamp) { time = Mutex(start) }
    var now: Timestamp { time.withLock { $0 } }
    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
    func set(_ new: Timestamp) { time.withLock { $0 = new } }
}

struct NoSleep: Sleeper {
    func sleep(for duration: Duration) async throws(CancellationError) {}
}

/// One recorded exchange of the official SDK.
struct Recording: CustomStringConvertible {
    let name: String
    let json: JSONValue

    static func load(_ name: String) throws -> Recording {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Fixtures/qarnot")
        let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasPrefix(name) })
        return Recording(name: name, json: try JSONValue(parsing: Array(try Data(contentsOf: folder.appending(path: file)))))
    }

    var request: Request {
        let request = json["request"]
        var out = SimulatorFixture.request(
            HTTP.Method(rawValue: request?["method"]?.string ?? "") ?? .get, request?["path"]?.string ?? "/",
            Array((request?["body"]?.string ?? "").utf8))
        for header in request?["headers"]?.object?.members ?? [] {
            out.fields.append(name: Array(header.key.utf8), value: Array((header.value.string ?? "").utf8))
        }
        return out
    }

    var responseBody: JSONValue { json["response"]?["body"] ?? .null }
    var description: String { name }
}
