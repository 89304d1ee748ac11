import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct RevocationEndpointTests {
    private func revoke(_ parameters: [(String, String)], in world: World) async -> Response {
        await world.answer(
            .form("/revoke", [("client_id", "app")].filter { pair in !parameters.contains { $0.0 == pair.0 } } + parameters),
            by: \.revocation)
    }

    @Test func `a refresh token takes its whole grant with it (RV-1)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        let answer = await revoke([("token", tokens.refresh), ("token_type_hint", "access_token")], in: world)
        #expect(answer.status == .ok && answer.text.isEmpty && answer.isUncached)
        #expect(answer.event("grant.revoked") != nil)
        #expect(try await !world.accepts(tokens.access))
        #expect(await world.refresh(tokens.refresh).error == "invalid_grant")
    }

    @Test func `an access token ends alone (RV-1)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        #expect(await revoke([("token", tokens.access), ("token_type_hint", "nonsense")], in: world).event("token.revoked") != nil)
        #expect(try await !world.accepts(tokens.access))
        #expect(await world.refresh(tokens.refresh).status == .ok)
    }

    @Test func `what is unknown, garbled or revoked before is success without effect (RFC 7009 §2.2)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        _ = await revoke([("token", tokens.refresh)], in: world)
        for token in [TokenFormat.mint(.access).exposeText(), TokenFormat.mint(.refresh).exposeText(), "garbage", tokens.refresh] {
            let answer = await revoke([("token", token)], in: world)
            #expect(answer.status == .ok && answer.text.isEmpty && answer.events.isEmpty)
        }
    }

    @Test func `another client revokes nothing and is audited (RV-1)`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("thief"))
        let tokens = try await world.tokens()
        for token in [tokens.access, tokens.refresh] {
            let answer = await revoke([("client_id", "thief"), ("token", token)], in: world)
            #expect(answer.status == .badRequest && answer.error == "invalid_grant")
            #expect(answer.event("token.revoked")?.outcome == .denied)
        }
        #expect(try await world.accepts(tokens.access))
    }

    @Test func `a missing token is invalid_request, an unknown client 401 (RV-1)`() async throws {
        let world = try await World()
        #expect(await revoke([], in: world).error == "invalid_request")
        let refusal = await revoke([("client_id", "nobody"), ("token", "x")], in: world)
        #expect(refusal.status == .unauthorized && refusal.error == "invalid_client")
    }
}
