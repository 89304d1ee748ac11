import HTTP
import Primitives
import Testing

@testable import OAuth

/// Pushed authorization requests (RFC 9126).
struct PushedRequestTests {
    private static let request: [(String, String)] = [
        ("client_id", "app"), ("redirect_uri", "https://app.example/cb"), ("response_type", "code"), ("state", "s1"),
        ("code_challenge", World.challenge), ("code_challenge_method", "S256"), ("scope", "qarnot:read"),
    ]

    private func push(_ world: World, _ parameters: [(String, String)], _ fields: Fields = []) async -> Response {
        await world.answer(.form("/par", parameters, fields)) { PushedRequestEndpoint($0.server) }
    }

    private func authorize(_ world: World, _ parameters: [(String, String)]) async throws -> AuthorizationParser.Outcome {
        let parser = AuthorizationParser(
            settings: world.settings, clients: world.resolver, pushed: world.singleUses, hasher: world.hasher)
        return await parser.parse(try Parameters(parsing: Request.query(parameters)), at: world.now)
    }

    @Test func `a pushed request is taken by its reference once, and nothing in the URL changes it (AZ-1)`() async throws {
        let world = try await World()
        let answer = await push(world, Self.request)
        #expect(answer.status == .created && answer.isUncached && answer.json["expires_in"] == 60)
        let uri = try #require(answer.json["request_uri"]?.string)
        let query = [("client_id", "app"), ("request_uri", uri), ("scope", "qarnot:admin"), ("state", "other")]
        guard case .valid(let request, _, _) = try await authorize(world, query) else {
            Issue.record("the reference was not taken")
            return
        }
        #expect(request.scopes.description == "qarnot:read" && request.state == "s1")
        guard case .local(let refusal) = try await authorize(world, query) else {
            Issue.record("the reference was taken twice")
            return
        }
        #expect(refusal.rule == "AZ-1")
    }

    @Test func `a reference is its client's alone, and ends after a minute`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("other"))
        let uri = try #require(await push(world, Self.request).json["request_uri"]?.string)
        guard case .local = try await authorize(world, [("client_id", "other"), ("request_uri", uri)]) else {
            Issue.record("another client used it")
            return
        }
        world.advance(.seconds(61))
        guard case .local = try await authorize(world, [("client_id", "app"), ("request_uri", uri)]) else {
            Issue.record("it did not end")
            return
        }
    }

    @Test func `what the authorization endpoint would refuse is refused at once`() async throws {
        let world = try await World()
        func error(_ name: String, _ value: String?) async -> String? {
            await push(world, Self.request.filter { $0.0 != name } + (value.map { [(name, $0)] } ?? [])).error
        }
        #expect(await error("redirect_uri", "https://evil.example/") == "invalid_request")
        #expect(await error("code_challenge", nil) == "invalid_request")
        #expect(await error("code_challenge_method", "plain") == "invalid_request")
        #expect(await error("response_type", "token") == "unsupported_response_type")
        #expect(await error("scope", "nothing:known") == "invalid_scope")
        #expect(await error("resource", "https://other.example/mcp") == "invalid_target")
        #expect(await error("client_id", "nobody") == "invalid_client")
        #expect(await push(world, Self.request + [("request_uri", "urn:x")]).error == "invalid_request")
        #expect(await push(world, Self.request + [("state", "twice")]).error == "invalid_request")
        let get = await world.answer(.get("/par")) { PushedRequestEndpoint($0.server) }
        #expect(get.status == .methodNotAllowed)
    }

    @Test func `a confidential client must prove itself, and its secret is not kept`() async throws {
        let world = try await World()
        let request = Self.request.filter { $0.0 != "client_id" } + [("client_id", "post")]
        #expect(await push(world, request).error == "invalid_client")
        #expect(await push(world, request + [("client_secret", World.secret)]).status == .created)
        let form = try Parameters(parsing: Request.query(request + [("client_secret", "s"), ("client_assertion", "a")]))
        #expect(!PushedRequest.text(of: form).contains("secret") && !PushedRequest.text(of: form).contains("assertion"))
    }

    @Test func `a client that must push cannot ask without (RFC 9126 §6)`() async throws {
        let world = try await World()
        var client = Client.sample("strict")
        client.requiresPushedRequests = true
        try await world.clients.insert(client)
        let request = Self.request.filter { $0.0 != "client_id" } + [("client_id", "strict")]
        guard case .redirectable(let error, _, _, _) = try await authorize(world, request) else {
            Issue.record("it was not refused")
            return
        }
        #expect(error.code == .invalidRequest && error.rule == "AZ-1")
        let uri = try #require(await push(world, request).json["request_uri"]?.string)
        guard case .valid = try await authorize(world, [("client_id", "strict"), ("request_uri", uri)]) else {
            Issue.record("the pushed request was refused")
            return
        }
    }
}
