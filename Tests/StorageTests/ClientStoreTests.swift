import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct ClientStoreTests {
    @Test func `a client is read back whole`() async throws {
        let f = try await Fixture()
        #expect(try await f.clients.client(Client.claude.id, at: .at(0)) == .claude)
        #expect(try await f.clients.clients() == [.claude])
        await #expect(throws: StoreError.self) { try await f.clients.insert(.claude) }
    }

    @Test func `an expired client is unknown until it is used again`() async throws {
        let f = try await Fixture()
        let client = Client.sample("d", .dynamic, expiresAt: .at(100))
        try await f.clients.insert(client)
        #expect(try await f.clients.client(client.id, at: .at(99)) == client)
        #expect(try await f.clients.client(client.id, at: .at(100)) == nil)
        try await f.clients.markUsed(client.id, at: .at(50), expiresAt: .at(200))
        #expect(try await f.clients.client(client.id, at: .at(100))?.lastUsedAt == .at(50))
    }

    @Test func `a fetched document replaces the description and keeps the grants`() async throws {
        let f = try await Fixture()
        var client = Client.sample("https://app.example/client", .metadata)
        try await f.clients.upsert(client)
        try await f.grants.insert(
            Grant(
                id: GrantID("g"), userID: User.ada.id, clientID: client.id, scopes: ScopeSet(text: "qarnot:read"), resource: "r",
                redirectURI: "u", createdAt: .at(0), endsAt: .at(100)),
            code: NewCode(digest: .of("code"), challenge: "c", expiresAt: .at(60)))
        try await f.clients.markUsed(client.id, at: .at(5), expiresAt: nil)
        client.name = "Renamed"
        try await f.clients.upsert(client)
        let stored = try #require(try await f.clients.client(client.id, at: .at(1)))
        #expect(stored.name == "Renamed" && stored.lastUsedAt == .at(5))
        #expect(try await f.grants.code(.of("code")) != nil)
    }

    @Test func `a document cannot take the id of a client of another kind`() async throws {
        let f = try await Fixture()
        let error = await #expect(throws: StoreError.self) { try await f.clients.upsert(.sample("c-claude", .metadata)) }
        #expect(error?.code == .conflict)
        #expect(try await f.clients.client(Client.claude.id, at: .at(0)) == .claude)
    }

    @Test func `removing a client takes its grants and tokens along`() async throws {
        let f = try await Fixture()
        try await f.family()
        let before = f.database.epoch.current
        #expect(try await f.clients.remove(Client.claude.id))
        #expect(f.database.epoch.current == before + 1)
        #expect(try await !f.clients.remove(Client.claude.id))
        #expect(try await f.tokens.facts(of: .of("access-g1")) == nil)
        #expect(try await f.grants.refreshToken(.of("refresh-g1")) == nil)
    }

    @Test func `pruning takes expired dynamic clients, then the oldest unused beyond the limit (REG-2)`() async throws {
        let f = try await Fixture()
        for index in 0..<5 { try await f.clients.insert(.sample("d\(index)", .dynamic, createdAt: .at(Int64(index)))) }
        try await f.clients.insert(.sample("old", .dynamic, createdAt: .at(9), expiresAt: .at(10)))
        try await f.clients.markUsed(ClientID("d0"), at: .at(1), expiresAt: nil)
        try await f.clients.prune(at: .at(10), unusedLimit: 2)
        #expect(try await Set(f.clients.clients().map(\.id.text)) == ["c-claude", "d0", "d3", "d4"])
    }
}
