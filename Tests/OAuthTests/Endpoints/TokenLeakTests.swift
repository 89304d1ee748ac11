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

    @Test func `what ended before the store failed is on record, and the answer is 503 (FMT-5)`() async throws {
        let world = try await World()
        let (access, refresh) = try await world.tokens()
        let personal = TokenFormat.mint(.personal).exposeText()
        try await world.tokens.insertPersonalToken(
            world.hasher.digest(of: personal), name: "laptop", user: User.ada.id, scopes: ScopeSet(text: "qarnot:read"),
            issuedAt: world.now, expiresAt: nil)
        let answer = await world.answer(.form("/token-leak", [("token", refresh), ("token", personal)])) { world in
            TokenLeakEndpoint(
                AuthorizationServer(
                    settings: world.settings, hasher: world.hasher, resolver: world.resolver, clients: world.clients,
                    users: world.users, grants: world.grants, tokens: UnwritableTokens(store: world.tokens),
                    singleUses: world.singleUses, pushedRequests: world.singleUses, devices: world.devices,
                    consents: world.consents, approvals: world.approvals, keyring: world.keyring, keySets: world.keySets,
                    secretThrottle: world.throttle, clock: world.clock))
        }
        #expect(answer.status == .serviceUnavailable)
        #expect(answer.events.filter { $0.name == "token.leak.reported" }.map(\.grant) == [GrantID("g1")])
        #expect(try await !world.accepts(access))
        #expect(try await world.accepts(personal))
    }
}

/// Tokens on a disk that can be read and not written.
private struct UnwritableTokens: TokenStore {
    let store: any TokenStore
    private var failure: StoreError { StoreError(.unavailable, "The disk is full.") }

    func facts(of digest: TokenDigest) async throws(StoreError) -> TokenFacts? { try await store.facts(of: digest) }
    func insertPersonalToken(
        _ digest: TokenDigest, name: String, user: UserID, scopes: ScopeSet, issuedAt: Timestamp, expiresAt: Timestamp?
    ) async throws(StoreError) { throw failure }
    func tokens(of user: UserID?, at now: Timestamp) async throws(StoreError) -> [TokenSummary] {
        try await store.tokens(of: user, at: now)
    }
    func revoke(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> Bool { throw failure }
    func revoke(id: String, at now: Timestamp) async throws(StoreError) -> Bool { throw failure }
    func prune(before: Timestamp) async throws(StoreError) { throw failure }
}
