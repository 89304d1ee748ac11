import HTTP
import Primitives
import Testing

@testable import OAuth

/// Tokens found where they should not be (FMT-5).
struct TokenLeakTests {
    private func report(_ world: World, _ tokens: [String]) async -> Response {
        await world.answer(.form("/token-leak", tokens.map { ("token", $0) })) { TokenLeakEndpoint($0.server) }
    }

    @Test func `an access token ends with its whole grant`() async throws {
        let world = try await World()
        let (access, refresh) = try await world.tokens()
        let answer = await report(world, [access])
        #expect(answer.status == .accepted && answer.text.isEmpty && answer.isUncached)
        let event = try #require(answer.event("token.leak.reported"))
        #expect(event.subject == "ada" && event.severity == .critical && event.grant == GrantID("g1"))
        #expect(try await !world.accepts(access))
        #expect(await world.refresh(refresh).error == "invalid_grant")
    }

    @Test func `a refresh token and a personal token end too, several in one report`() async throws {
        let world = try await World()
        let (access, refresh) = try await world.tokens()
        let personal = TokenFormat.mint(.personal).exposeText()
        try await world.tokens.insertPersonalToken(
            world.hasher.digest(of: personal), name: "laptop", user: User.ada.id, scopes: ScopeSet(text: "qarnot:read"),
            issuedAt: world.now, expiresAt: nil)
        #expect(await report(world, [refresh, personal]).events.count == 2)
        #expect(try await !world.accepts(access))
        #expect(try await !world.accepts(personal))
    }

    @Test func `whether a token was alive is not told, and nothing happens twice`() async throws {
        let world = try await World()
        let (access, _) = try await world.tokens()
        for token in [
            access, access, TokenFormat.mint(.access).exposeText(), "gtha_nonsense", TokenFormat.mint(.code).exposeText(),
        ] {
            let answer = await report(world, [token])
            #expect(answer.status == .accepted && answer.text.isEmpty)
        }
        #expect(await report(world, [access]).events.isEmpty)
    }

    @Test func `a report is a form with one to twenty tokens`() async throws {
        let world = try await World()
        #expect(await report(world, []).error == "invalid_request")
        #expect(await report(world, Array(repeating: "x", count: 21)).error == "invalid_request")
        #expect(await world.answer(.json("/token-leak", "{}")) { TokenLeakEndpoint($0.server) }.status == .badRequest)
        #expect(await world.answer(.get("/token-leak")) { TokenLeakEndpoint($0.server) }.status == .methodNotAllowed)
    }
}
