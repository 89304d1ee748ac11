import HTTP
import Primitives
import Synchronization
import Testing

@testable import OAuth

@Suite struct ResourceServerTests {
    private func verdict(_ fields: Fields, query: String? = nil, resource: ProtectedResource? = nil, in world: World) async
        -> ResourceServer.Verdict
    {
        let request = Request(method: .post, path: "/mcp", query: query, fields: fields)
        return await world.resourceServer.authenticate(request, for: resource ?? world.settings.resources[0], in: .sample)
    }

    private func refusal(_ fields: Fields, query: String? = nil, resource: ProtectedResource? = nil, in world: World) async
        -> Response?
    {
        guard case .refused(let response, _) = await verdict(fields, query: query, resource: resource, in: world) else {
            return nil
        }
        return response
    }

    private func bearer(_ token: String) -> Fields { [(.authorization, "Bearer " + token)] }

    @Test(arguments: ["Bearer ", "bearer ", "BEARER "])
    func `a good token is its user (RS-3, RS-6)`(_ scheme: String) async throws {
        let world = try await World()
        let access = try await world.tokens().access
        guard case .caller(let principal) = await verdict([(.authorization, scheme + access)], in: world) else {
            Issue.record("refused")
            return
        }
        #expect(principal.username == "ada" && principal.role == .operator && principal.clientID == ClientID("app"))
        #expect(principal.scopes.description == "qarnot:read qarnot:execute")
        #expect(principal.resource == "https://gate.example/mcp")
    }

    @Test func `without credentials the challenge leads on and names no error (RS-4)`() async throws {
        let world = try await World()
        let answer = try #require(await refusal([], in: world))
        #expect(answer.status == .unauthorized && answer.isUncached)
        let challenge = try #require(answer.fields.single(.wwwAuthenticate))
        #expect(challenge.hasPrefix("Bearer "))
        #expect(challenge.contains("resource_metadata=\"https://gate.example/.well-known/oauth-protected-resource/mcp\""))
        #expect(challenge.contains("scope=\""))
        #expect(!challenge.contains("error"))
        #expect(!challenge.contains("offline_access"))
    }

    @Test func `a bad token is invalid_token, whatever is wrong with it (RS-5)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        let bad = [TokenFormat.mint(.access).exposeText(), "garbage", tokens.refresh, String(tokens.access.dropLast()) + "!"]
        for token in bad {
            let answer = try #require(await refusal(bearer(token), in: world))
            #expect(answer.status == .unauthorized)
            #expect(answer.fields[.wwwAuthenticate]?.contains("error=\"invalid_token\"") == true)
            #expect(answer.event("token.rejected")?.outcome == .denied)
        }
    }

    @Test func `an expired and a revoked token are refused (RS-5)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        _ = try await world.tokens.revoke(world.hasher.digest(of: tokens.access), at: world.now)
        #expect(await refusal(bearer(tokens.access), in: world)?.status == .unauthorized)
        let other = try await world.tokens(grant: "g2").access
        #expect(await refusal(bearer(other), in: world) == nil)
        world.advance(.seconds(3600))
        #expect(await refusal(bearer(other), in: world)?.status == .unauthorized)
    }

    @Test func `a token for another resource is refused (RS-5)`() async throws {
        let world = try await World {
            $0.resources.append(ProtectedResource(url: "https://gate.example/two", path: "/two", engine: "second", title: "Second"))
        }
        let access = try await world.tokens().access
        let answer = try #require(await refusal(bearer(access), resource: world.settings.resources[1], in: world))
        #expect(answer.status == .unauthorized)
        #expect(answer.fields[.wwwAuthenticate]?.contains("oauth-protected-resource/two") == true)
        #expect(answer.event("token.rejected")?.reason == "audience")
    }

    @Test func `two credentials are one too many (RS-3)`() async throws {
        let world = try await World()
        let access = try await world.tokens().access
        var doubled = bearer(access)
        doubled.append(.authorization, "Bearer " + access)
        var mixed = bearer(access)
        mixed.append(.xAPIKey, access)
        for fields in [doubled, mixed] {
            let answer = try #require(await refusal(fields, in: world))
            #expect(answer.status == .badRequest && answer.error == "invalid_request")
        }
    }

    @Test(arguments: ["access_token=x", "a=b&access_token=x", "acc%65ss_token=x"])
    func `a token in the query is refused even beside a good one (RS-3)`(_ query: String) async throws {
        let world = try await World()
        let answer = try #require(await refusal(bearer(try await world.tokens().access), query: query, in: world))
        #expect(answer.status == .badRequest && answer.error == "invalid_request")
    }

    @Test(arguments: ["Basic YTpi", "Bearer", "Bearer ", "DPoP x"])
    func `another scheme, or none, is answered with a challenge`(_ value: String) async throws {
        let answer = try #require(await refusal([(.authorization, value)], in: try await World()))
        #expect(answer.status == .unauthorized && answer.fields.contains(.wwwAuthenticate))
    }

    @Test func `a personal token works by either header and for every resource`() async throws {
        let world = try await World()
        let token = TokenFormat.mint(.personal).exposeText()
        try await world.tokens.insertPersonalToken(
            world.hasher.digest(of: token), name: "ci", user: User.ada.id, scopes: ScopeSet(text: "qarnot:read"),
            issuedAt: world.now,
            expiresAt: nil)
        for fields in [bearer(token), [(.xAPIKey, token)]] as [Fields] {
            guard case .caller(let principal) = await verdict(fields, in: world) else {
                Issue.record("refused")
                return
            }
            #expect(principal.credential == .personalToken && principal.resource == nil)
        }
    }

    @Test func `a cached token is forgotten when the epoch moves (RS-13)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        let server = world.resourceServer
        let request = Request(method: .post, path: "/mcp", fields: bearer(tokens.access))
        func isAccepted() async -> Bool {
            if case .caller = await server.authenticate(request, for: world.settings.resources[0], in: .sample) { return true }
            return false
        }
        #expect(await isAccepted())
        #expect(await isAccepted())
        _ = try await world.grants.revoke(GrantID("g1"), at: world.now)
        world.epoch.withLock { $0 += 1 }
        #expect(await !isAccepted())
    }

    @Test func `a caller admitted before stands only while the token does (RS-12)`() async throws {
        let world = try await World()
        let tokens = try await world.tokens()
        guard case .caller(let principal) = await verdict(bearer(tokens.access), in: world) else {
            Issue.record("refused")
            return
        }
        #expect(await world.resourceServer.stillStands(principal))
        _ = try await world.grants.revoke(GrantID("g1"), at: world.now)
        #expect(await !world.resourceServer.stillStands(principal))
    }
}
