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

/// For random principals, tools, arguments and eras there is one verdict, and one record of it.
@Suite struct VerdictTests {
    /// The same numbers in each run (SplitMix64).
    private struct Generator: RandomNumberGenerator {
        var state: UInt64 = 20_261_127

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private struct Case {
        let tool: Tool
        let caller: Principal
        let arguments: JSONValue

        init(_ random: inout Generator) {
            let permission = [Permission.read, .execute, .admin].randomElement(using: &random) ?? .read
            let annotations = ToolAnnotations(readOnly: Bool.random(using: &random), destructive: Bool.random(using: &random))
            let fails = Bool.random(using: &random)
            tool = Tool(
                name: "do_it", title: "Do it", description: "Does it.", inputSchema: ["type": "object"], annotations: annotations,
                permission: permission, isLocal: Bool.random(using: &random)
            ) { arguments, _ in fails ? .failure("no") : .structured(.object(arguments)) }
            let scopes = ["qarnot:read", "qarnot:execute", "qarnot:admin", "airflow:admin", ""].filter { _ in
                Bool.random(using: &random)
            }
            caller = Principal(
                userID: UserID("u1"), username: "demo",
                role: [Role.viewer, .operator, .admin].randomElement(using: &random) ?? .viewer,
                scopes: ScopeSet(text: scopes.joined(separator: " ")), resource: nil, credential: .accessToken,
                clientID: ClientID("c1"), grantID: GrantID("g1"), tokenReference: "0a1b2c3d", expiresAt: nil)
            arguments = ["n": .int(Int.random(in: 0...99, using: &random)), "s": .string("\(random.next())")]
        }
    }

    /// What the outside and the log see of one call, times and ids left out.
    private struct Verdict: Equatable {
        let status: Status
        let challenge: String?
        let code: Int?
        let result: JSONValue?
        let events: [String]
    }

    private struct NoWait: Sleeper {
        func sleep(for duration: Duration) async throws(CancellationError) {
            do { try await Task.sleep(for: .seconds(60)) } catch { throw CancellationError() }
        }
    }

    private func endpoint(_ tool: Tool, _ log: AuditLog) throws -> MCPEndpoint {
        var limits = Configuration.Limits()
        (limits.user, limits.toolDefault, limits.tools) = (nil, nil, [:])
        let resource = ProtectedResource(url: "https://gate.example.com/mcp", path: "/mcp", engine: "qarnot", title: "Qarnot")
        let gate = ToolGate(
            engine: "qarnot", resource: resource,
            settings: OAuthSettings(issuer: "https://gate.example.com", resources: [resource]),
            limits: limits, toolQuotas: [:], limiter: RateLimiter(), cap: ConcurrencyCap(limit: 8),
            streamCap: ConcurrencyCap(limit: 0),
            auditor: Auditor(log: log, logger: .silent), sleeper: NoWait(), standing: { _ in true })
        return MCPEndpoint(
            info: ServerInfo(name: "t", title: "T", version: "1", instructions: ""), registry: try ToolRegistry([tool]), gate: gate,
            sleeper: NoWait(), streams: StreamHub(sleeper: NoWait()))
    }

    private func send(_ endpoint: MCPEndpoint, _ method: String, _ params: JSONValue, isModern: Bool, as caller: Principal) async
        -> Response
    {
        var fields: Fields = [(.contentType, "application/json")]
        var members = params.object ?? JSONObject()
        if isModern {
            members["_meta"] = [
                "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": [:],
            ]
            fields.append(.mcpProtocolVersion, "2026-07-28")
            fields.append(.mcpMethod, method)
            if let name = params["name"]?.string { fields.append(.mcpName, name) }
        }
        let body: JSONValue = ["jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(members)]
        return await endpoint.respond(
            to: Request(method: .post, path: "/mcp", fields: fields, body: body.serialized), caller: caller, in: .sample)
    }

    private func members(_ response: Response) -> JSONValue {
        guard case .bytes(let bytes) = response.body else { return .null }
        return (try? JSONValue(parsing: bytes)) ?? .null
    }

    private func describe(_ record: JSONValue) -> String {
        let names = ["event", "outcome", "reason", "policy", "subject", "client", "tool", "engine", "scopes", "args"]
        return names.map { "\($0)=\(record[$0]?.text ?? "")" }.joined(separator: " ")
    }

    private func judge(_ one: Case, isModern: Bool, _ endpoint: MCPEndpoint, _ records: () throws -> [JSONValue]) async throws
        -> Verdict
    {
        let before = try records().count
        let call: JSONValue = ["name": "do_it", "arguments": one.arguments]
        let response = await send(endpoint, "tools/call", call, isModern: isModern, as: one.caller)
        let body = members(response)
        var result = body["result"]?.object
        result?["resultType"] = nil
        result?["_meta"] = nil
        let events = response.events.map { "\($0.name) \($0.outcome) \($0.policy ?? "") \($0.tool ?? "")" }
        return Verdict(
            status: response.status, challenge: response.fields[.wwwAuthenticate], code: body["error"]?["code"]?.int,
            result: result.map { .object($0) }, events: events + (try records().dropFirst(before).map(describe)))
    }

    @Test func `a tool is listed exactly if it may be called, and both eras judge and record alike`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "verdict-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = try AuditLog(
            folder: folder.appending(path: "audit").path, headFile: folder.appending(path: "head").path, durability: .strict,
            node: "test")
        let records = { try AuditReader(folder: folder.appending(path: "audit").path).tail(5000).map(\.record) }
        var random = Generator()
        var verdicts: [Bool: Int] = [:]
        for _ in 0..<64 {
            let one = Case(&random)
            let endpoint = try endpoint(one.tool, log)
            let modern = try await judge(one, isModern: true, endpoint, records)
            let legacy = try await judge(one, isModern: false, endpoint, records)
            #expect(modern == legacy)
            let isAllowed = modern.result != nil
            #expect(isAllowed == (modern.status == .ok) && !modern.events.isEmpty)
            for isModern in [true, false] {
                let list = members(await send(endpoint, "tools/list", [:], isModern: isModern, as: one.caller))["result"]?["tools"]?
                    .array
                #expect(list?.compactMap { $0["name"]?.string } == (isAllowed ? ["do_it"] : []))
            }
            verdicts[isAllowed, default: 0] += 1
        }
        #expect(verdicts.values.allSatisfy { $0 > 10 } && verdicts.count == 2)
    }
}
