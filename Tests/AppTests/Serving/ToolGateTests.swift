import Audit
import Foundation
import HTTP
import Logging
import Policy
import Primitives
import Testing

@testable import App
@testable import MCP
@testable import OAuth

/// A gate with a real audit log in a folder of its own.
private final class GateFixture: Sendable {
    let gate: ToolGate
    let log: AuditLog
    let cap = ConcurrencyCap(limit: 1)
    private let folder: URL

    /// Waiting is over at once.
    private struct NoWait: Sleeper {
        func sleep(for duration: Duration) async throws(CancellationError) { throw CancellationError() }
    }

    init(stepUps: [Scope: StepUp] = [:], _ change: (inout Configuration.Limits) -> Void = { _ in }) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "gate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        log = try AuditLog(
            folder: folder.appending(path: "audit").path, headFile: folder.appending(path: "head").path, durability: .strict,
            node: "test")
        var limits = Configuration.Limits()
        change(&limits)
        let resource = ProtectedResource(url: "https://gate.example.com/mcp", path: "/mcp", engine: "qarnot", title: "Qarnot")
        var settings = OAuthSettings(issuer: "https://gate.example.com", resources: [resource])
        settings.stepUps = stepUps
        gate = ToolGate(
            engine: "qarnot", resource: resource, settings: settings,
            limits: limits, toolQuotas: limits.quotas(of: "qarnot"), limiter: RateLimiter(), cap: cap,
            streamCap: ConcurrencyCap(limit: 0),
            auditor: Auditor(log: log, logger: .silent), sleeper: NoWait(),
            standing: { _ in true })
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func call(
        _ permission: Permission, role: Role = .admin, scopes: String = "qarnot:admin", readOnly: Bool = true,
        anonymous: Bool = false, user: String = "u1", client: String? = "c1", assurance: Assurance? = nil,
        authenticatedAt: Timestamp? = nil
    ) -> ToolCall {
        let tool = Tool(
            name: "do_it", title: "", description: "", inputSchema: ["type": "object"],
            annotations: ToolAnnotations(readOnly: readOnly),
            permission: permission
        ) { _, _ in .failure("not run") }
        let caller = Principal(
            userID: UserID(user), username: "demo", role: role, scopes: ScopeSet(text: scopes), resource: nil,
            credential: .personalToken,
            clientID: client.map { ClientID($0) }, grantID: nil, tokenReference: "0a1b2c3d", assurance: assurance,
            authenticatedAt: authenticatedAt, expiresAt: nil)
        return ToolCall(tool: tool, argumentBytes: Array("{}".utf8), caller: anonymous ? nil : caller, revision: .july2026)
    }

    func records() throws -> [JSONValue] {
        try AuditReader(folder: folder.appending(path: "audit").path).tail(100).map(\.record)
    }
}

@Suite struct ToolGateTests {
    private func refusal(_ admission: Admission) throws -> Refusal {
        guard case .refused(let refusal) = admission else { throw Admitted() }
        return refusal
    }

    @Test func `a user's streams are capped apart from calls, and one that ends makes room (mcp.md §3.8)`() async throws {
        let fixture = try GateFixture { $0.streams = 2 }
        let caller = fixture.call(.read).caller
        var places: [StreamPlace] = []
        for _ in 0..<2 {
            guard case .admitted(let place) = await fixture.gate.openStream(for: caller, in: .sample) else { throw Admitted() }
            places.append(place)
        }
        guard case .refused(let refusal) = await fixture.gate.openStream(for: caller, in: .sample) else { throw Admitted() }
        #expect(refusal.status == .tooManyRequests && refusal.fields[.retryAfter] == "60")
        #expect(refusal.events.map(\.policy) == ["limit.streams"])
        places.removeLast()
        guard case .admitted = await fixture.gate.openStream(for: caller, in: .sample) else { throw Admitted() }
        guard case .refused = await fixture.gate.openStream(for: nil, in: .sample) else { throw Admitted() }
        guard case .admitted = await fixture.gate.admit(fixture.call(.read), in: .sample) else { throw Admitted() }
    }

    private struct Admitted: Error {}
    private static let tight = Quota(rate: 1, window: .seconds(60), burst: 1)

    @Test func `a missing scope is named with a challenge (RS-8)`() async throws {
        let fixture = try GateFixture()
        let refusal = try refusal(await fixture.gate.admit(fixture.call(.execute, scopes: "qarnot:read"), in: .sample))
        #expect(refusal.status == .forbidden)
        let challenge = refusal.fields.single(.wwwAuthenticate) ?? ""
        #expect(challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"qarnot:execute\""))
        #expect(challenge.contains("resource_metadata=\"https://gate.example.com/.well-known/oauth-protected-resource/mcp\""))
        #expect(refusal.events.map(\.name) == ["mcp.tool.denied"] && refusal.events.first?.policy == "scope")
    }

    @Test func `the role is judged before the scope, and no scope is offered in vain (RS-8)`() async throws {
        let fixture = try GateFixture()
        let refusal = try refusal(await fixture.gate.admit(fixture.call(.admin, role: .viewer, scopes: "qarnot:read"), in: .sample))
        #expect(refusal.status == .forbidden && !refusal.fields.contains(.wwwAuthenticate))
        #expect(refusal.events.first?.policy == "role")
    }

    @Test func `nobody is nobody`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.read, anonymous: true)
        #expect(try refusal(await fixture.gate.admit(call, in: .sample)).status == .forbidden)
        #expect(!fixture.gate.isVisible(call.tool, to: nil))
    }

    @Test func `a list shows what may be called (RS-8)`() throws {
        let fixture = try GateFixture()
        let admin = fixture.call(.admin)
        #expect(fixture.gate.isVisible(admin.tool, to: admin.caller))
        #expect(!fixture.gate.isVisible(admin.tool, to: fixture.call(.admin, role: .operator).caller))
        #expect(!fixture.gate.isVisible(admin.tool, to: fixture.call(.admin, scopes: "qarnot:execute").caller))
    }

    @Test func `a refused caller does not drain the user's bucket (RL-2)`() async throws {
        let fixture = try GateFixture { $0.user = Self.tight }
        for _ in 0..<5 { _ = await fixture.gate.admit(fixture.call(.execute, scopes: "qarnot:read"), in: .sample) }
        guard case .admitted = await fixture.gate.admit(fixture.call(.read), in: .sample) else {
            Issue.record("refused")
            return
        }
    }

    @Test func `the user's limit comes before the tool's, and a refusal says when (RL-2, RL-4)`() async throws {
        let fixture = try GateFixture { ($0.user, $0.toolDefault) = (Self.tight, Self.tight) }
        let call = fixture.call(.read)
        guard case .admitted(let fields) = await fixture.gate.admit(call, in: .sample) else { throw Admitted() }
        #expect(fields.single(.rateLimitPolicy) == "\"user\";q=1;w=60, \"tool\";q=1;w=60")
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        let refusal = try refusal(await fixture.gate.admit(call, in: .sample))
        #expect(refusal.status == .tooManyRequests && refusal.fields.single(.retryAfter) == "60")
        #expect(refusal.events.first?.policy == "limit.user")
        #expect(refusal.fields.single(.rateLimitPolicy) == "\"user\";q=1;w=60")
    }

    @Test func `a client's limit counts everybody who uses it, and comes before the user's (RL-2)`() async throws {
        let fixture = try GateFixture { ($0.client, $0.toolDefault) = (Self.tight, nil) }
        let call = fixture.call(.read)
        guard case .admitted(let fields) = await fixture.gate.admit(call, in: .sample) else { throw Admitted() }
        #expect(fields.single(.rateLimitPolicy)?.hasPrefix("\"client\";q=1;w=60, \"user\"") == true)
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        let other = fixture.call(.read, user: "u2")
        let refusal = try refusal(await fixture.gate.admit(other, in: .sample))
        #expect(refusal.status == .tooManyRequests && refusal.events.first?.policy == "limit.client")
        #expect(refusal.fields.single(.rateLimitPolicy) == "\"client\";q=1;w=60")
        guard case .admitted = await fixture.gate.admit(fixture.call(.read, user: "u2", client: "c2"), in: .sample) else {
            throw Admitted()
        }
        guard case .admitted = await fixture.gate.admit(fixture.call(.read, client: nil), in: .sample) else { throw Admitted() }
    }

    @Test func `a tool's own limit holds where the user's does not`() async throws {
        let fixture = try GateFixture {
            $0.user = nil
            $0.tools["qarnot/do_it"] = Self.tight
        }
        let call = fixture.call(.read)
        _ = await fixture.gate.admit(call, in: .sample)
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        #expect(try refusal(await fixture.gate.admit(call, in: .sample)).events.first?.policy == "limit.tool")
    }

    @Test func `a tool whose limit is off is not charged the default`() async throws {
        let fixture = try GateFixture {
            ($0.user, $0.toolDefault) = (nil, Self.tight)
            $0.tools["qarnot/do_it"] = .some(nil)
        }
        let call = fixture.call(.read)
        for _ in 0..<3 {
            guard case .admitted = await fixture.gate.admit(call, in: .sample) else { throw Admitted() }
            _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        }
    }

    @Test func `calls beyond the cap wait, then are refused, and one that ended makes room (RL-2)`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.read)
        guard case .admitted = await fixture.gate.admit(call, in: .sample) else { throw Admitted() }
        #expect(try refusal(await fixture.gate.admit(call, in: .sample)).events.first?.policy == "concurrency")
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        guard case .admitted = await fixture.gate.admit(call, in: .sample) else { throw Admitted() }
    }

    @Test func `what spends is on disk before it happens (AUD-3)`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.execute, readOnly: false)
        _ = await fixture.gate.admit(call, in: .sample)
        #expect(try fixture.records().map { $0["outcome"] } == ["intent"])
        _ = await fixture.gate.finish(call, outcome: .toolError, in: .sample)
        let records = try fixture.records()
        #expect(records.map { $0["outcome"] } == ["intent", "failure"])
        #expect(records.allSatisfy { $0["event"] == "mcp.tool.called" && $0["tool"] == "do_it" && $0["subject"] == "demo" })
    }

    @Test func `what only reads has one record, of its end`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.read)
        _ = await fixture.gate.admit(call, in: .sample)
        #expect(try fixture.records().isEmpty)
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        #expect(try fixture.records().map { $0["outcome"] } == ["success"])
    }

    @Test func `what a reading call did on its way is on record with its end, before it (AUD-3)`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.read)
        _ = await fixture.gate.admit(call, in: .sample)
        #expect(call.notes?.add(Event("vault.key.used", subject: "demo")) == true)
        let noted = Timestamp.now().rfc3339
        // Until the clock of the records moves on.
        while Timestamp.now().rfc3339 == noted { await Task.yield() }
        #expect(try fixture.records().isEmpty)
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        #expect(try fixture.records().map { $0["event"] } == ["vault.key.used", "mcp.tool.called"])
        // It tells when the key was used, not when the call ended.
        let times = try fixture.records().compactMap { $0["ts"]?.string }
        #expect(times.count == 2 && times[0] <= noted && noted < times[1])
        // Too late to go along: whoever acts now has to wait for a record of its own.
        #expect(call.notes?.add(Event("vault.key.used", subject: "demo")) == false)
    }

    @Test func `a call that may change something gathers nothing (AUD-3)`() throws {
        #expect(try GateFixture().call(.execute, readOnly: false).notes == nil)
    }

    @Test func `without an audit log nothing that spends starts, and its place is free again (AUD-3)`() async throws {
        let fixture = try GateFixture()
        await fixture.log.close()
        let refusal = try refusal(await fixture.gate.admit(fixture.call(.execute, readOnly: false), in: .sample))
        #expect(refusal.status == .serviceUnavailable && refusal.fields.contains(.retryAfter))
        #expect(fixture.cap.enter(UserID("u1")))
    }

    @Test func `an end that cannot be recorded is told, so that the answer stays back (COM-11)`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.read)
        _ = await fixture.gate.admit(call, in: .sample)
        await fixture.log.close()
        #expect(await fixture.gate.finish(call, outcome: .completed, in: .sample) == false)
    }

    @Test func `arguments are recorded by digest alone (AUD-2)`() async throws {
        let fixture = try GateFixture()
        let call = fixture.call(.read)
        _ = await fixture.gate.admit(call, in: .sample)
        _ = await fixture.gate.finish(call, outcome: .completed, in: .sample)
        let record = try #require(try fixture.records().first)
        #expect(record["arg_digest"]?.string == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    }

    /// RFC 9470 §3: the challenge says which sign-in would do, and nothing ran.
    @Test func `a tool that needs a stronger or newer sign-in leads to one (MFA-3)`() async throws {
        let rules = [Scope(engine: "qarnot", permission: .execute): StepUp(.multiple, maximumAge: .seconds(900))]
        let fixture = try GateFixture(stepUps: rules)
        let now = Timestamp.now()
        func refusal(_ call: ToolCall) async -> Refusal? {
            guard case .refused(let refusal) = await fixture.gate.admit(call, in: .sample) else { return nil }
            return refusal
        }
        let weak = try #require(
            await refusal(fixture.call(.admin, assurance: .single, authenticatedAt: now)), "a rule holds for higher classes too")
        #expect(weak.status == .unauthorized && weak.events.first?.policy == "assurance")
        let challenge = weak.fields[.wwwAuthenticate] ?? ""
        #expect(challenge.contains("error=\"insufficient_user_authentication\"") && challenge.contains("acr_values=\"2fa\""))
        #expect(challenge.contains("max_age=\"900\""))
        #expect(await refusal(fixture.call(.execute, assurance: .multiple, authenticatedAt: now - .seconds(901))) != nil)
        #expect(await refusal(fixture.call(.execute)) != nil, "nobody signed in for it")
        #expect(await refusal(fixture.call(.read)) == nil)
    }

    @Test func `a sign-in that is enough passes the rule (MFA-3)`() async throws {
        let rules = [Scope(engine: "qarnot", permission: .execute): StepUp(.multiple, maximumAge: .seconds(900))]
        let fixture = try GateFixture(stepUps: rules)
        let call = fixture.call(.execute, assurance: .phishingResistant, authenticatedAt: .now())
        guard case .admitted = await fixture.gate.admit(call, in: .sample) else {
            Issue.record("refused")
            return
        }
    }
}
