import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct TokenStoreTests {
    @Test func `the facts of an access token say all the resource server needs`() async throws {
        let f = try await Fixture()
        let grant = try await f.family()
        let facts = try #require(try await f.tokens.facts(of: .of("access-g1")))
        #expect(
            facts
                == TokenFacts(
                    user: .ada, scopes: ScopeSet(text: "qarnot:read"), credential: .accessToken, clientID: grant.clientID,
                    grantID: grant.id, resource: grant.resource, issuedAt: .at(0), expiresAt: .at(3600), isActive: true))
        #expect(try await f.tokens.facts(of: .of("other")) == nil)
    }

    @Test func `a personal token has no client, grant or resource`() async throws {
        let f = try await Fixture()
        try await f.insertPersonalToken()
        let facts = try #require(try await f.tokens.facts(of: .of("personal")))
        #expect(facts.credential == .personalToken && facts.clientID == nil && facts.grantID == nil && facts.resource == nil)
        #expect(facts.expiresAt == nil && facts.isActive)
    }

    @Test func `lists hold unexpired tokens, newest first, under printable ids`() async throws {
        let f = try await Fixture()
        try await f.insertPersonalToken("p1")
        try await f.insertPersonalToken("p2", expiresAt: .at(10))
        try await f.family(at: .at(5))
        let all = try await f.tokens.tokens(of: nil, at: .at(10))
        #expect(all.map(\.credential) == [.accessToken, .personalToken])
        #expect(all.map(\.name) == [nil, "laptop"])
        #expect(all.allSatisfy { $0.id.count == 16 && $0.username == "ada" && $0.isActive })
        #expect(try await f.tokens.tokens(of: User.ada.id, at: .at(9)).count == 3)
        #expect(try await f.tokens.tokens(of: UserID("other"), at: .at(9)).isEmpty)
    }

    @Test func `a token is revoked once, by digest or by id`() async throws {
        let f = try await Fixture()
        try await f.family()
        try await f.insertPersonalToken()
        let before = f.database.epoch.current
        #expect(try await f.tokens.revoke(.of("access-g1"), at: .at(1)))
        #expect(try await !f.tokens.revoke(.of("access-g1"), at: .at(1)))
        let id = try #require(try await f.tokens.tokens(of: nil, at: .at(1)).first { $0.credential == .personalToken }).id
        #expect(try await f.tokens.revoke(id: id, at: .at(1)))
        #expect(try await !f.tokens.revoke(id: id, at: .at(1)))
        #expect(try await !f.tokens.revoke(id: "0000000000000000", at: .at(1)))
        #expect(f.database.epoch.current == before + 2)
        #expect(try await f.tokens.facts(of: .of("access-g1"))?.isActive == false)
        #expect(try await f.tokens.facts(of: .of("personal"))?.isActive == false)
        #expect(try await f.grants.refreshToken(.of("refresh-g1"))?.isActive == true)
    }

    @Test func `pruning deletes what ended`() async throws {
        let f = try await Fixture()
        try await f.family()
        try await f.insertPersonalToken()
        try await f.tokens.prune(before: .at(3600))
        #expect(try await f.tokens.facts(of: .of("access-g1")) != nil)
        try await f.tokens.prune(before: .at(3601))
        #expect(try await f.tokens.facts(of: .of("access-g1")) == nil)
        #expect(try await f.tokens.facts(of: .of("personal")) != nil)
    }
}
