import HTTP
import Primitives
import Testing

@testable import OAuth

/// Token introspection (RFC 7662; IN-1).
struct IntrospectionTests {
    private func world() async throws -> World {
        let world = try await World()
        var client = Client.confidential(.post, secret: world.hasher.digest(of: World.secret))
        client = Client(
            id: ClientID("asker"), kind: .preregistered, name: "Asker", redirectURIs: [], authenticationMethod: .post,
            secretDigest: client.secretDigest, grantTypes: [], createdAt: .at(0))
        client.isIntrospector = true
        try await world.clients.insert(client)
        return world
    }

    private func ask(_ world: World, _ token: String?, client: String = "asker", secret: String? = World.secret) async -> Response {
        let parameters =
            [("client_id", client)] + (secret.map { [("client_secret", $0)] } ?? []) + (token.map { [("token", $0)] } ?? [])
        return await world.answer(.form("/introspect", parameters)) { IntrospectionEndpoint($0.server) }
    }

    @Test func `a live access token is described with all a resource server needs`() async throws {
        let world = try await world()
        let (access, refresh) = try await world.tokens()
        let answer = await ask(world, access)
        #expect(answer.status == .ok && answer.isUncached)
        #expect(answer.json["active"] == true && answer.json["scope"] == "qarnot:read qarnot:execute")
        #expect(answer.json["client_id"] == "app" && answer.json["username"] == "ada" && answer.json["sub"] == "u-ada")
        #expect(answer.json["aud"] == "https://gate.example/mcp" && answer.json["iss"]?.string == World.issuer)
        #expect(answer.json["token_type"] == "Bearer" && answer.json["exp"]?.int == Int(world.now.seconds) + 3600)
        #expect(await ask(world, refresh).json["token_type"] == "refresh_token")
    }

    @Test func `whatever is not alive is inactive and nothing else`() async throws {
        let world = try await world()
        let (access, refresh) = try await world.tokens()
        let successor = try #require(await world.refresh(refresh).json["refresh_token"]?.string)
        #expect(await ask(world, refresh).json == ["active": false], "a superseded refresh token")
        #expect(await ask(world, "gtha_nonsense").json == ["active": false])
        #expect(await ask(world, TokenFormat.mint(.access).exposeText()).json == ["active": false])
        _ = await world.answer(.form("/revoke", [("client_id", "app"), ("token", successor)]), by: \.revocation)
        #expect(await ask(world, access).json == ["active": false])
        #expect(await ask(world, successor).json == ["active": false])
    }

    @Test func `only a confidential client that was allowed may ask (IN-1)`() async throws {
        let world = try await world()
        let access = try await world.tokens().access
        #expect(await ask(world, access, client: "app", secret: nil).status == .unauthorized)
        #expect(await ask(world, access, client: "post").error == "invalid_client")
        #expect(await ask(world, access, secret: "wrong").status == .unauthorized)
        #expect(await ask(world, nil).error == "invalid_request")
    }
}
