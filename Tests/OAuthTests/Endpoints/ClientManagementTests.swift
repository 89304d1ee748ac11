import HTTP
import Primitives
import Testing

@testable import OAuth

/// Client configuration management (RFC 7592).
struct ClientManagementTests {
    private func register(_ world: World, _ body: String = #"{"redirect_uris":["https://app.example/cb"]}"#) async -> Response {
        await world.answer(.json("/register", body), by: \.registration)
    }

    private func manage(
        _ world: World, _ method: HTTP.Method, _ id: String, _ token: String?, _ body: JSONValue? = nil
    ) async -> Response {
        var fields: Fields = token.map { [(.authorization, "Bearer \($0)")] } ?? []
        if body != nil { fields.append(.contentType, "application/json") }
        let request = Request(method: method, path: "/register/" + id, fields: fields, body: body?.serialized ?? [])
        return await world.answer(request) { ClientManagementEndpoint($0.server) }
    }

    private func credentials(_ answer: Response) throws -> (id: String, token: String) {
        (
            try #require(answer.json["client_id"]?.string), try #require(answer.json["registration_access_token"]?.string)
        )
    }

    @Test func `a registered client reads its registration at the address it was told`() async throws {
        let world = try await World()
        let answer = await register(world)
        let (id, token) = try credentials(answer)
        #expect(answer.json["registration_client_uri"]?.string == World.issuer + "/register/" + id)
        let read = await manage(world, .get, id, token)
        #expect(read.status == .ok && read.isUncached && read.json["redirect_uris"] == ["https://app.example/cb"])
        #expect(read.json["registration_access_token"] == nil && read.json["client_secret"] == nil)
    }

    @Test func `unknown, wrong and another client's token get one answer that reveals nothing`() async throws {
        let world = try await World()
        let (id, token) = try credentials(await register(world))
        let (other, _) = try credentials(await register(world))
        for (client, credential) in [
            (id, nil), (other, token), ("dyn-unknown", token), ("app", token), (id, TokenFormat.mint(.registration).exposeText()),
            (id, "nonsense"),
        ] {
            let answer = await manage(world, .get, client, credential)
            #expect(answer.status == .unauthorized && answer.error == "invalid_token")
            #expect(answer.fields[.wwwAuthenticate] == "Bearer error=\"invalid_token\"")
        }
    }

    @Test func `a full set replaces the former one and a new secret is told once`() async throws {
        let world = try await World()
        let (id, token) = try credentials(
            await register(world, #"{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}"#))
        let answer = await manage(
            world, .put, id, token,
            [
                "client_id": .string(id), "redirect_uris": ["https://app.example/new"], "client_name": "New",
                "token_endpoint_auth_method": "client_secret_post",
            ])
        #expect(answer.status == .ok && answer.json["client_name"] == "New")
        #expect(answer.json["client_secret"]?.string?.hasPrefix("gths_") == true)
        let stored = try #require(try await world.clients.client(ClientID(id), at: world.now))
        #expect(stored.redirectURIs == ["https://app.example/new"] && stored.authenticationMethod == .post)
        #expect(answer.event("client.updated")?.client == stored.id)
    }

    @Test func `what only the server sets, another id or another secret is refused and changes nothing`() async throws {
        let world = try await World()
        let (id, token) = try credentials(await register(world))
        let valid: [(String, JSONValue)] = [("client_id", .string(id)), ("redirect_uris", ["https://app.example/other"])]
        let before = try await world.clients.client(ClientID(id), at: world.now)
        for (name, value): (String, JSONValue) in [
            ("registration_access_token", "x"), ("registration_client_uri", "x"), ("client_secret_expires_at", 0),
            ("client_id_issued_at", 1), ("client_id", "other"), ("client_secret", "wrong"),
        ] {
            let answer = await manage(world, .put, id, token, .object(JSONObject(valid + [(name, value)])))
            #expect(answer.status == .badRequest && answer.error == "invalid_request", "\(name)")
        }
        let answer = await manage(world, .put, id, token, ["client_id": .string(id), "redirect_uris": ["http://evil.example/"]])
        #expect(answer.error == "invalid_redirect_uri")
        #expect(try await world.clients.client(ClientID(id), at: world.now) == before)
    }

    @Test func `what an administrator approved is not approved any more once it changed`() async throws {
        let world = try await World()
        let (id, token) = try credentials(await register(world))
        var client = try #require(try await world.clients.client(ClientID(id), at: world.now))
        client.approvedAt = world.now
        _ = try await world.clients.update(client)
        let body: JSONValue = [
            "client_id": .string(id), "redirect_uris": ["https://elsewhere.example/cb"],
            "token_endpoint_auth_method": "client_secret_basic",
        ]
        #expect(await manage(world, .put, id, token, body).status == .ok)
        #expect(try await world.clients.client(ClientID(id), at: world.now)?.approvedAt == nil)
    }

    @Test func `deleting ends the registration and all it was given`() async throws {
        let world = try await World()
        let (id, token) = try credentials(
            await register(
                world,
                #"{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}"#
            ))
        let client = try #require(try await world.clients.client(ClientID(id), at: world.now))
        let code = try await world.code(for: client)
        let answer = await world.token([("grant_type", "authorization_code"), ("code", code), ("client_id", id)])
        let access = try #require(answer.json["access_token"]?.string)
        #expect(await manage(world, .delete, id, token).status == .noContent)
        #expect(try await !world.accepts(access))
        #expect(await manage(world, .get, id, token).status == .unauthorized)
        #expect(await world.token([("grant_type", "refresh_token"), ("client_id", id)]).error == "invalid_client")
    }
}
