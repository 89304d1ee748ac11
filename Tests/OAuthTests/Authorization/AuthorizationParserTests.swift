import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct AuthorizationParserTests {
    static let valid: [(String, String)] = [
        ("client_id", "app"), ("redirect_uri", "https://app.example/cb"), ("response_type", "code"),
        ("code_challenge", World.challenge),
        ("code_challenge_method", "S256"), ("state", "s-1"), ("scope", "qarnot:read"), ("resource", "https://gate.example/mcp"),
    ]

    /// The valid request with parameters replaced, or removed where the value is nil.
    static func changed(_ changes: [(String, String?)]) -> [(String, String)] {
        valid.filter { pair in !changes.contains { $0.0 == pair.0 } }
            + changes.compactMap { name, value in value.map { (name, $0) } }
    }

    private func outcome(_ parameters: [(String, String)], in world: World) async throws -> AuthorizationParser.Outcome {
        let parser = AuthorizationParser(
            settings: world.settings, clients: world.resolver, pushed: world.singleUses, hasher: world.hasher)
        return await parser.parse(try Parameters(parsing: Request.query(parameters)), at: world.now)
    }

    private func request(_ parameters: [(String, String)], in world: World) async throws -> AuthorizationRequest? {
        guard case .valid(let request, _, _) = try await outcome(parameters, in: world) else { return nil }
        return request
    }

    @Test func `a complete request is taken as it is`() async throws {
        let request = try #require(try await request(Self.valid, in: World()))
        #expect(request.clientID == ClientID("app"))
        #expect(request.redirectURI == "https://app.example/cb")
        #expect(request.challenge == World.challenge)
        #expect(request.scopes.description == "qarnot:read")
        #expect(request.resource == "https://gate.example/mcp")
        #expect(request.state == "s-1")
    }

    @Test(
        arguments: [
            ([("request_uri", "urn:ietf:params:oauth:request_uri:x")], "AZ-1"),
            ([("client_id", nil)], "AZ-2"), ([("client_id", "nobody")], "AZ-2"),
            ([("client_id", String(repeating: "a", count: 513))], "AZ-2"),
            ([("client_id", "https://unknown.example/client")], "AZ-2"),
            ([("redirect_uri", "https://evil.example/cb")], "AZ-3"), ([("redirect_uri", "https://app.example/cb/")], "AZ-3"),
            ([("redirect_uri", "https://app.example/cb#x")], "AZ-3"),
        ] as [([(String, String?)], String)])
    func `until client and redirect URI are proven a refusal is ours alone (AZ-1 to AZ-3)`(
        _ changes: [(String, String?)], _ rule: String
    ) async throws {
        guard case .local(let refusal) = try await outcome(Self.changed(changes), in: World()) else {
            Issue.record("not refused locally")
            return
        }
        #expect(refusal.rule == rule)
    }

    @Test(arguments: ["client_id", "redirect_uri", "state", "request_uri"])
    func `a repeated parameter that steers the answer is refused locally (AZ-4)`(_ name: String) async throws {
        let repeated = Self.valid + [(name, "x"), (name, "y")]
        guard case .local(let refusal) = try await outcome(repeated, in: World()) else {
            Issue.record("not refused locally")
            return
        }
        #expect(refusal.rule == "AZ-4")
    }

    @Test(
        arguments: [
            ([("request", "eyJ")], "request_not_supported", "AZ-5"),
            ([("response_type", nil)], "invalid_request", "AZ-5"), ([("response_type", "")], "invalid_request", "AZ-5"),
            ([("response_type", "token")], "unsupported_response_type", "AZ-5"),
            ([("response_type", "code id_token")], "unsupported_response_type", "AZ-5"),
            ([("response_mode", "fragment")], "invalid_request", "AZ-6"),
            ([("response_mode", "form_post")], "invalid_request", "AZ-6"),
            ([("code_challenge", nil)], "invalid_request", "AZ-7"), ([("code_challenge", "short")], "invalid_request", "AZ-7"),
            ([("code_challenge_method", nil)], "invalid_request", "AZ-7"),
            ([("code_challenge_method", "plain")], "invalid_request", "AZ-7"),
            ([("code_challenge_method", "s256")], "invalid_request", "AZ-7"),
            ([("state", String(repeating: "s", count: 2049))], "invalid_request", "AZ-8"),
            ([("scope", "unknown")], "invalid_scope", "AZ-9"),
            ([("scope", "qarnot:everything other:read")], "invalid_scope", "AZ-9"),
            ([("scope", "qarnot:read \"x\"")], "invalid_scope", "AZ-9"), ([("scope", "qarnot:read\\")], "invalid_scope", "AZ-9"),
            ([("scope", "qarnot:réad")], "invalid_scope", "AZ-9"),
            ([("resource", "https://other.example/mcp")], "invalid_target", "AZ-10"),
            ([("resource", "https://gate.example/mcp#x")], "invalid_target", "AZ-10"),
            ([("resource", "http://gate.example/mcp")], "invalid_target", "AZ-10"),
            ([("resource", "/mcp")], "invalid_target", "AZ-10"),
            ([("resource", "https://gate.example/mcp?x=1")], "invalid_target", "AZ-10"),
            ([("resource", "https://user@gate.example/mcp")], "invalid_target", "AZ-10"),
            ([("resource", "https://gate.example/MCP")], "invalid_target", "AZ-10"),
            ([("prompt", "none login")], "invalid_request", "AZ-11"), ([("prompt", "create")], "invalid_request", "AZ-11"),
            ([("max_age", "-1")], "invalid_request", "AZ-11"), ([("max_age", "soon")], "invalid_request", "AZ-11"),
        ] as [([(String, String?)], String, String)])
    func `afterwards the client is told, with its state (AZ-5 to AZ-11)`(
        _ changes: [(String, String?)], _ code: String, _ rule: String
    ) async throws {
        guard case .redirectable(let error, let uri, let state, let client) = try await outcome(Self.changed(changes), in: World())
        else {
            Issue.record("not redirectable")
            return
        }
        #expect(error.code.rawValue == code)
        #expect(error.rule == rule)
        #expect(uri == "https://app.example/cb")
        #expect(client.id == ClientID("app"))
        // A state beyond its bound is not carried back (AZ-8).
        #expect(state == (rule == "AZ-8" ? nil : "s-1"))
    }

    @Test(arguments: ["scope", "code_challenge", "prompt", "response_type", "unknown_parameter"])
    func `another repeated parameter is told to the client (COM-3)`(_ name: String) async throws {
        let repeated = Self.valid + [(name, "x"), (name, "y")]
        guard case .redirectable(let error, _, _, _) = try await outcome(repeated, in: World()) else {
            Issue.record("not redirectable")
            return
        }
        #expect(error.code == .invalidRequest && error.rule == "COM-3")
    }

    @Test func `two resources are one too many (AZ-10)`() async throws {
        let doubled = Self.valid + [("resource", "https://gate.example/mcp")]
        guard case .redirectable(let error, _, _, _) = try await outcome(doubled, in: World()) else {
            Issue.record("not redirectable")
            return
        }
        #expect(error.code == .invalidTarget)
    }

    @Test func `of several faults the first in the order of the checklist is told`() async throws {
        let world = try await World()
        let faults: [(String, String?)] = [
            ("request_uri", "x"), ("client_id", "nobody"), ("redirect_uri", "https://evil.example/"), ("request", "x"),
            ("response_type", "token"), ("response_mode", "fragment"), ("code_challenge", "short"),
            ("state", String(repeating: "s", count: 3000)),
            ("resource", "x"), ("prompt", "x"),
        ]
        var rules: [String] = []
        for first in faults.indices {
            switch try await outcome(Self.changed(Array(faults[first...])), in: world) {
            case .local(let refusal): rules.append(refusal.rule)
            case .redirectable(let error, _, _, _): rules.append(error.rule)
            case .valid, .unavailable: rules.append("none")
            }
        }
        #expect(rules == ["AZ-1", "AZ-2", "AZ-3", "AZ-5", "AZ-5", "AZ-6", "AZ-7", "AZ-8", "AZ-10", "AZ-11"])
    }

    @Test func `a client without the code grant is told so (AZ-5)`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("machine", grantTypes: ["refresh_token"]))
        guard case .redirectable(let error, _, _, _) = try await outcome(Self.changed([("client_id", "machine")]), in: world) else {
            Issue.record("not redirectable")
            return
        }
        #expect(error.code == .unauthorizedClient)
    }

    @Test func `an absent redirect URI means the only one registered (AZ-3)`() async throws {
        let world = try await World()
        #expect(try await request(Self.changed([("redirect_uri", nil)]), in: world)?.redirectURI == "https://app.example/cb")
        try await world.clients.insert(.sample("two", redirectURIs: ["https://app.example/cb", "https://app.example/cb2"]))
        let absent = Self.changed([("client_id", "two"), ("redirect_uri", nil)])
        guard case .local(let refusal) = try await outcome(absent, in: world) else {
            Issue.record("not refused locally")
            return
        }
        #expect(refusal.rule == "AZ-3")
    }

    @Test func `a loopback client keeps the port it asked with (CLI-3)`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("cli", redirectURIs: ["http://localhost/cb"]))
        let asked = Self.changed([("client_id", "cli"), ("redirect_uri", "http://localhost:3118/cb")])
        #expect(try await request(asked, in: world)?.redirectURI == "http://localhost:3118/cb")
    }

    @Test(
        arguments: [
            (nil, "qarnot:read qarnot:execute"), ("offline_access", "qarnot:read qarnot:execute"),
            ("qarnot:read offline_access openid", "qarnot:read"), ("qarnot:admin unknown", "qarnot:admin"),
            ("  qarnot:execute   qarnot:read ", "qarnot:read qarnot:execute"),
        ] as [(String?, String)])
    func `absent scopes are the baseline, unknown ones are dropped (AZ-9)`(_ scope: String?, _ expected: String) async throws {
        #expect(try await request(Self.changed([("scope", scope)]), in: World())?.scopes.description == expected)
    }

    @Test func `an administrator's limit of a client narrows what it asks for`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("narrow", limit: "qarnot:read"))
        let asked = Self.changed([("client_id", "narrow"), ("scope", "qarnot:admin")])
        #expect(try await request(asked, in: world)?.scopes.description == "qarnot:read")
    }

    @Test(arguments: ["https://gate.example/mcp/", "HTTPS://GATE.example/mcp", "https://gate.example:443/mcp", nil] as [String?])
    func `a resource is compared in canonical form and stored canonical (AZ-10)`(_ resource: String?) async throws {
        #expect(try await request(Self.changed([("resource", resource)]), in: World())?.resource == "https://gate.example/mcp")
    }

    @Test func `state at its bound comes back byte-identical, and may be absent (AZ-8)`() async throws {
        let world = try await World()
        let long = String(repeating: "é&=%", count: 409)
        #expect(try await request(Self.changed([("state", long)]), in: world)?.state == long)
        #expect(try await request(Self.changed([("state", nil)]), in: world)?.state == nil)
    }

    @Test func `prompt, max_age and login_hint are kept (AZ-11, AZ-12)`() async throws {
        let asked = Self.changed([
            ("prompt", "login consent"), ("max_age", "60"), ("login_hint", String(repeating: "a", count: 200)),
        ])
        let request = try #require(try await request(asked, in: World()))
        #expect(request.prompt == [.login, .consent])
        #expect(request.maxAge == 60)
        #expect(request.loginHint?.count == 128)
        #expect(AuthorizationRequest(json: request.json)?.json == request.json)
    }
}
