import Client
import Foundation
import HTTP
import Logging
import MCP
import Policy
import Primitives
import QarnotSimulator
import Server
import Synchronization
import Testing
import Transport

@testable import Qarnot

/// The engine and a simulator, joined by real sockets. Time in the simulator passes only while the engine sleeps.
final class EngineFixture: Sendable {
    let clock = ManualClock(.now())
    let keys: FixedKeys
    let simulator: SimulatedQarnot
    let engine: QarnotEngine
    let settings: QarnotEngine.Settings
    var tools: [Tool] { engine.tools }
    /// Submissions a budget refused, as they were reported.
    let noted: Noted
    private let group: EventLoopGroup
    private let server: HTTPServer
    private let progress = Mutex<[Double]>([])

    static let token = "sim-token-alice"

    init(
        key: String? = token, apiURL: String? = nil, budgets: ComputeBudgets = ComputeBudgets(),
        spending: (any SpendingStore)? = nil
    ) throws {
        let clock = clock
        keys = FixedKeys(key)
        group = try EventLoopGroup(count: 1)
        server = HTTPServer(group: group, logger: .silent)
        simulator = SimulatedQarnot(
            accounts: [
                .init(token: Secret(Self.token), email: "alice@example.com"),
                .init(token: Secret("sim-token-bob"), email: "bob@example.com"),
            ],
            sleeper: LoopSleeper(group: group), now: { clock.now })
        let rest = try server.listen(on: Endpoint("127.0.0.1:0")!, tls: nil, responder: simulator.rest)
        let storage = try server.listen(on: Endpoint("127.0.0.1:0")!, tls: nil, responder: simulator.storage)
        simulator.announce(storageURL: "http://\(storage)")
        var settings = QarnotEngine.Settings(apiURL: apiURL ?? "http://\(rest)/", accountURL: "https://gate.example/account")
        settings.requestTimeout = .seconds(10)
        self.settings = settings
        let noted = Noted()
        engine = QarnotEngine(
            settings: settings, client: HTTPClient(), keys: keys, budgets: budgets, ledger: SpendingLedger(store: spending),
            now: { clock.now },
            refused: { caller, tool, rule in noted.add("\(caller.username) \(tool) \(rule)") })
        self.noted = noted
    }

    func stop() async {
        await server.drain(deadline: .milliseconds(100))
        group.stop()
    }

    var reported: [Double] { progress.withLock { $0 } }

    func call(_ name: String, _ arguments: JSONValue = [:], as caller: Principal = EngineFixture.caller) async throws -> ToolResult
    {
        let tool = try #require(tools.first { $0.name == name || $0.aliases.contains(name) })
        let context = ToolContext(
            caller: caller, requestID: RequestID("r"), sleeper: AdvancingSleeper(clock: clock),
            progress: { [progress = ProgressSink(self)] value, _, _ in progress.add(value) })
        let result = await tool.run(arguments.object ?? JSONObject(), context)
        #expect(!String(describing: result).contains(Self.token), "no result may hold the key")
        // Some clients validate failures too.
        let problem = SchemaCheck.problem(with: result.structured ?? .null, under: tool.outputSchema ?? .null)
        #expect(problem == nil, "\(name) breaks its own output schema")
        return result
    }

    /// The structured result of a call that must succeed.
    func succeed(_ name: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        let result = try await call(name, arguments)
        #expect(!result.isError, "\(result.content)")
        return result.structured ?? .null
    }

    /// The structured result of a call that must fail.
    func fail(_ name: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        let result = try await call(name, arguments)
        #expect(result.isError)
        return result.structured ?? .null
    }

    func admin(_ method: HTTP.Method, _ path: String, _ body: JSONValue? = nil) async -> JSONValue {
        let request = Request(method: method, path: path, body: body?.serialized ?? [])
        let context = RequestContext(
            requestID: RequestID("r"), peer: IPAddress("127.0.0.1")!, isSecure: false, loopIndex: 0,
            received: MonotonicTime(nanoseconds: 0))
        guard case .bytes(let bytes) = await simulator.admin.respond(to: request, in: context).body else { return .null }
        return (try? JSONValue(parsing: bytes)) ?? .null
    }

    /// Requests the simulator has seen, as `METHOD path`.
    func requests() async -> [String] {
        await admin(.get, "/requests")["requests"]?.array?.map { "\($0["method"]?.string ?? "") \($0["path"]?.string ?? "")" } ?? []
    }

    static let caller = principal("u1", "alice", .admin)

    static func principal(_ id: String, _ name: String, _ role: Role) -> Principal {
        Principal(
            userID: UserID(id), username: name, role: role, scopes: ScopeSet(text: "qarnot:admin"), resource: nil,
            credential: .personalToken, clientID: nil, grantID: nil, tokenReference: "00000000", expiresAt: nil)
    }

    /// Lines in the order they came.
    final class Noted: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private final class ProgressSink: Sendable {
        private let fixture: EngineFixture
        init(_ fixture: EngineFixture) { self.fixture = fixture }
        func add(_ value: Double) { fixture.progress.withLock { $0.append(value) } }
    }
}

/// One key for everybody, and what was said of it.
final class FixedKeys: UpstreamKeys {
    private let key: Secret?
    private let verdicts = Mutex<[String]>([])

    init(_ key: String?) { self.key = key.map { Secret($0) } }

    func key(for caller: Principal, noting notes: CallNotes?) async throws -> Secret? { key }
    func markRejected(_ key: Secret, of caller: Principal) async { verdicts.withLock { $0.append("rejected") } }
    func markWorking(for caller: Principal) async { verdicts.withLock { $0.append("working") } }
    var said: [String] { verdicts.withLock { $0 } }
}

/// Sleeping moves the clock instead.
struct AdvancingSleeper: Sleeper {
    let clock: ManualClock

    func sleep(for duration: Duration) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        clock.advance(duration)
    }
}

final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>
    init(_ start: Timestamp) { time = Mutex(start) }
    var now: Timestamp { time.withLock { $0 } }
    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}
