import HTTP
import Primitives
import Testing

@testable import OAuth

/// Machine clients (CC-1).
struct ClientCredentialsTests {
    private func world(_ change: (inout Client) -> Void = { _ in }) async throws -> World {
        let world = try await World()
        var client = Client(
            id: ClientID("robot"), kind: .preregistered, name: "Robot", redirectURIs: [], authenticationMethod: .post,
            secretDigest: world.hasher.digest(of: World.secret), grantTypes: ["client_credentials"], createdAt: .at(0))
        client.serviceUserID = User.ada.id
        change(&client)
        try await world.clients.insert(client)
        return world
    }

    private func ask(_ world: World, _ more: [(String, String)] = []) async -> Response {
        await world.token(
            [("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", World.secret)] + more)
    }

    @Test func `a client acts as its service account, within the account's role, and gets no refresh token`() async throws {
        let world = try await world()
        let answer = await ask(world, [("scope", "qarnot:admin")])
        #expect(answer.status == .ok && answer.json["refresh_token"] == nil && answer.json["scope"] == "qarnot:execute")
        let token = try #require(answer.json["access_token"]?.string)
        let facts = try #require(try await world.tokens.facts(of: world.hasher.digest(of: token)))
        #expect(facts.user.name == "ada" && facts.clientID == ClientID("robot"))
        #expect(answer.event("token.issued")?.subject == "ada")
    }

    @Test func `without an account, with a disabled one or without a secret there is no token`() async throws {
        #expect(await ask(try await world { $0.serviceUserID = nil }).error == "unauthorized_client")
        let world = try await world()
        #expect(await ask(world, [("resource", "https://other.example/")]).error == "invalid_target")
        #expect(await world.token([("grant_type", "client_credentials"), ("client_id", "robot")]).error == "invalid_client")
        #expect(await world.token([("grant_type", "client_credentials"), ("client_id", "app")]).error == "unauthorized_client")
        try await world.users.setDisabled(true, of: User.ada.id, at: world.now)
        #expect(await ask(world).error == "unauthorized_client")
    }
}
