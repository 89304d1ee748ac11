import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct ClientRegistrationTests {
    private func register(_ body: String, in world: World) async -> Response {
        await world.answer(.json("/register", body), by: \.registration)
    }

    @Test func `a minimal registration gets every effective value (REG-7)`() async throws {
        let world = try await World()
        let answer = await register(#"{"redirect_uris":["https://app.example/cb"]}"#, in: world)
        #expect(answer.status == .created)
        #expect(answer.isUncached)
        #expect(answer.json["redirect_uris"] == ["https://app.example/cb"])
        #expect(answer.json["token_endpoint_auth_method"] == "client_secret_basic")
        #expect(answer.json["grant_types"] == ["authorization_code"])
        #expect(answer.json["response_types"] == ["code"])
        #expect(answer.json["client_id_issued_at"]?.int == Int(world.now.seconds))
        #expect(answer.json["client_secret_expires_at"] == 0)
        let secret = try #require(answer.json["client_secret"]?.string)
        #expect(TokenFormat.kind(of: Array(secret.utf8)) == .clientSecret)
        let id = try #require(answer.json["client_id"]?.string)
        #expect(!id.hasPrefix("https://"))
        let stored = try #require(try await world.clients.client(ClientID(id), at: world.now))
        #expect(stored.secretDigest == world.hasher.digest(of: secret))
        #expect(answer.event("client.registered")?.client == ClientID(id))
    }

    @Test func `a public client gets no secret members at all`() async throws {
        let answer = await register(
            #"{"redirect_uris":["http://localhost/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}"#,
            in: try await World())
        #expect(answer.status == .created)
        #expect(answer.json["client_secret"] == nil && answer.json["client_secret_expires_at"] == nil)
        #expect(answer.json["grant_types"] == ["authorization_code", "refresh_token"])
    }

    @Test func `what Claude sends is accepted`() async throws {
        let answer = await register(
            #"{"client_name":"Claude","redirect_uris":["https://claude.ai/api/mcp/auth_callback"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"client_secret_post","scope":"qarnot:read","resource":"https://gate.example/mcp","unknown":{"a":1}}"#,
            in: try await World())
        #expect(answer.status == .created)
        #expect(answer.json["client_name"] == "Claude")
        #expect(answer.json["token_endpoint_auth_method"] == "client_secret_post")
    }

    @Test(arguments: [
        "", "[]", "null", "\"x\"", "{", #"{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}"#,
    ])
    func `a body that is no object without duplicates is refused (REG-3)`(_ body: String) async throws {
        let answer = await register(body, in: try await World())
        #expect(answer.status == .badRequest && answer.error == "invalid_client_metadata" && answer.isUncached)
    }

    @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "application/json, text/plain"])
    func `another media type is refused (REG-3)`(_ type: String) async throws {
        var request = Request.json("/register", #"{"redirect_uris":["https://app.example/cb"]}"#)
        request.fields.set(.contentType, type)
        let answer = try await World().answer(request, by: \.registration)
        #expect(answer.error == "invalid_client_metadata")
    }

    @Test(arguments: [
        "{}", #"{"redirect_uris":null}"#, #"{"redirect_uris":[]}"#, #"{"redirect_uris":"https://app.example/cb"}"#,
        #"{"redirect_uris":[1]}"#, #"{"redirect_uris":["http://app.example/cb"]}"#,
        #"{"redirect_uris":["https://app.example/cb","javascript:x"]}"#,
        #"{"redirect_uris":["https://a.example/1","https://a.example/2","https://a.example/3","https://a.example/4","https://a.example/5","https://a.example/6","https://a.example/7","https://a.example/8","https://a.example/9","https://a.example/10","https://a.example/11"]}"#,
    ])
    func `redirect URIs that break the policy are refused (REG-4)`(_ body: String) async throws {
        let answer = await register(body, in: try await World())
        #expect(answer.status == .badRequest && answer.error == "invalid_redirect_uri")
    }

    @Test(arguments: [
        #""grant_types":["client_credentials"]"#, #""grant_types":["authorization_code","implicit"]"#, #""grant_types":[]"#,
        #""grant_types":["refresh_token"]"#, #""grant_types":"authorization_code""#, #""response_types":["token"]"#,
        #""response_types":["code","id_token"]"#, #""response_types":[]"#, #""token_endpoint_auth_method":"private_key_jwt""#,
        #""token_endpoint_auth_method":1"#, #""client_name":1"#, #""application_type":"desktop""#,
        #""jwks":{"keys":[]},"jwks_uri":"https://app.example/jwks""#,
    ])
    func `metadata we cannot honour is refused (REG-5)`(_ member: String) async throws {
        let answer = await register(#"{"redirect_uris":["https://app.example/cb"],"# + member + "}", in: try await World())
        #expect(answer.status == .badRequest && answer.error == "invalid_client_metadata")
    }

    @Test func `a software statement is refused (REG-6)`() async throws {
        let answer = await register(
            #"{"redirect_uris":["https://app.example/cb"],"software_statement":"eyJ"}"#, in: try await World())
        #expect(answer.status == .badRequest && answer.error == "invalid_software_statement")
    }

    @Test(arguments: [
        ("Claude\u{202E}edualC", "ClaudeedualC"), ("a\u{0007}b\u{200B}c\u{2028}d", "abcd"), ("\u{2066}\u{2069}", "Unnamed client"),
        (String(repeating: "n", count: 100), String(repeating: "n", count: 64)), ("Été 東京", "Été 東京"),
    ])
    func `a name loses what could deceive its reader (REG-5)`(_ sent: String, _ kept: String) async throws {
        let body: JSONValue = ["redirect_uris": ["https://app.example/cb"], "client_name": .string(sent)]
        let answer = await register(body.text, in: try await World())
        #expect(answer.json["client_name"]?.string == kept)
    }

    @Test func `switched off there is no such route (REG-1)`() async throws {
        let answer = await register("{}", in: try await World { $0.registration = .off })
        #expect(answer.status == .notFound)
    }

    @Test func `with initial tokens required nobody else registers (REG-1)`() async throws {
        let world = try await World { $0.registration = .token }
        for value in [
            nil, "Bearer", "Bearer " + TokenFormat.mint(.initialAccess).exposeText(),
            "Bearer " + TokenFormat.mint(.access).exposeText(),
        ] {
            var request = Request.json("/register", #"{"redirect_uris":["https://app.example/cb"]}"#)
            if let value { request.fields.append(.authorization, value) }
            let answer = await world.answer(request, by: \.registration)
            #expect(answer.status == .unauthorized && answer.error == "invalid_token")
            #expect(answer.fields[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
        }
        #expect(try await world.clients.clients().allSatisfy { $0.kind == .preregistered })
    }

    @Test func `a client never used ends after a day`() async throws {
        let world = try await World()
        let answer = await register(#"{"redirect_uris":["https://app.example/cb"]}"#, in: world)
        let id = ClientID(try #require(answer.json["client_id"]?.string))
        #expect(try await world.clients.client(id, at: world.now + .seconds(86_399)) != nil)
        #expect(try await world.clients.client(id, at: world.now + .seconds(86_401)) == nil)
    }

    @Test func `GET is not allowed (COM-2)`() async throws {
        let answer = try await World().answer(.get("/register"), by: \.registration)
        #expect(answer.status == .methodNotAllowed && answer.fields[.allow]?.contains("POST") == true)
    }
}
