import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct CodeGrantTests {
    private func redeem(_ code: String, _ more: [(String, String)] = [], in world: World) async -> Response {
        await world.token([("grant_type", "authorization_code"), ("code", code)] + more)
    }

    @Test func `a code becomes tokens, uncached, with the scope always named (TOK-7)`() async throws {
        let world = try await World()
        let answer = await redeem(try await world.code(), in: world)
        #expect(answer.status == .ok && answer.isUncached)
        #expect(answer.json["token_type"] == "Bearer" && answer.json["expires_in"] == 3600)
        #expect(answer.json["scope"] == "qarnot:read qarnot:execute")
        let access = try #require(answer.json["access_token"]?.string)
        #expect(TokenFormat.kind(of: Array(access.utf8)) == .access)
        #expect(TokenFormat.kind(of: Array(try #require(answer.json["refresh_token"]?.string).utf8)) == .refresh)
        #expect(try await world.accepts(access))
        #expect(answer.event("token.issued")?.tokenReference == world.hasher.digest(of: access).reference)
    }

    @Test func `a client that did not register for refreshing gets no refresh token (TOK-8)`() async throws {
        let world = try await World()
        let client = Client.sample("once", grantTypes: ["authorization_code"])
        try await world.clients.insert(client)
        let answer = await redeem(try await world.code(for: client), [("client_id", "once")], in: world)
        #expect(answer.status == .ok && answer.json["refresh_token"] == nil)
    }

    @Test func `unknown and garbled codes are invalid_grant (CODE-1)`() async throws {
        let world = try await World()
        let code = try await world.code()
        for wrong in [
            TokenFormat.mint(.code).exposeText(), "garbage", String(code.dropLast()) + "0", TokenFormat.mint(.refresh).exposeText(),
        ]
        where wrong != code {
            let answer = await redeem(wrong, in: world)
            #expect(answer.status == .badRequest && answer.error == "invalid_grant")
        }
    }

    @Test func `another client's code is refused, audited and kept (CODE-2)`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("thief"))
        let code = try await world.code()
        let answer = await redeem(code, [("client_id", "thief")], in: world)
        #expect(answer.error == "invalid_grant")
        #expect(answer.event("token.issued")?.outcome == .denied)
        #expect(await redeem(code, in: world).status == .ok)
    }

    @Test func `a code lives 60 seconds (CODE-3)`() async throws {
        let world = try await World()
        let (early, late) = (try await world.code(grant: "g1"), try await world.code(grant: "g2"))
        world.advance(.milliseconds(59_999))
        #expect(await redeem(early, in: world).status == .ok)
        world.advance(.milliseconds(1))
        #expect(await redeem(late, in: world).error == "invalid_grant")
    }

    @Test func `a redirect URI must be the code's own, or absent (CODE-4)`() async throws {
        let world = try await World()
        let code = try await world.code()
        for uri in ["https://app.example/cb/", "https://evil.example/cb", "https://APP.example/cb"] {
            #expect(await redeem(code, [("redirect_uri", uri)], in: world).error == "invalid_grant")
        }
        #expect(await redeem(code, [("redirect_uri", "https://app.example/cb")], in: world).status == .ok)
    }

    @Test func `a missing or malformed verifier is invalid_request and changes nothing (CODE-5)`() async throws {
        let world = try await World()
        let code = try await world.code()
        for verifier in ["", "short", World.verifier + "!", String(repeating: "a", count: 129)] {
            #expect(await redeem(code, [("code_verifier", verifier)], in: world).error == "invalid_request")
        }
        #expect(await redeem(code, in: world).status == .ok)
    }

    @Test func `a wrong verifier keeps the code, five times (CODE-5)`() async throws {
        let world = try await World()
        let (code, wrong) = (try await world.code(), String(repeating: "a", count: 43))
        for _ in 0..<4 { #expect(await redeem(code, [("code_verifier", wrong)], in: world).error == "invalid_grant") }
        let other = try await world.code(grant: "g2")
        for _ in 0..<5 { #expect(await redeem(other, [("code_verifier", wrong)], in: world).error == "invalid_grant") }
        #expect(await redeem(code, in: world).status == .ok)
        #expect(await redeem(other, in: world).error == "invalid_grant")
    }

    @Test func `another resource is invalid_target before the code is consumed (CODE-6)`() async throws {
        let world = try await World()
        let code = try await world.code()
        #expect(await redeem(code, [("resource", "https://other.example/mcp")], in: world).error == "invalid_target")
        #expect(await redeem(code, [("resource", "https://gate.example/mcp/")], in: world).status == .ok)
    }

    @Test func `a disabled user's code is worth nothing (CODE-8)`() async throws {
        let world = try await World()
        let code = try await world.code()
        try await world.users.setDisabled(true, of: User.ada.id, at: world.now)
        #expect(await redeem(code, in: world).error == "invalid_grant")
    }

    @Test func `of 32 redemptions at once one is answered (CODE-9)`() async throws {
        let world = try await World()
        let code = try await world.code()
        let statuses = await withTaskGroup(of: Status.self) { group in
            for _ in 0..<32 { group.addTask { await redeem(code, in: world).status } }
            return await group.reduce(into: [Status]()) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == .ok }.count == 1)
    }

    @Test func `a replay that is right in all else revokes what the code gave (CODE-10)`() async throws {
        let world = try await World()
        let code = try await world.code()
        let first = await redeem(code, in: world)
        let access = try #require(first.json["access_token"]?.string)
        let replay = await redeem(code, in: world)
        #expect(replay.status == .badRequest && replay.error == "invalid_grant")
        #expect(replay.event("token.code.replayed")?.severity == .critical)
        #expect(try await !world.accepts(access))
        #expect(await world.refresh(try #require(first.json["refresh_token"]?.string)).error == "invalid_grant")
    }

    /// Whoever shows the verifier too knows all there was to know, however late.
    @Test func `a replay with the right verifier counts after the code's minute as well (CODE-10)`() async throws {
        let world = try await World()
        let code = try await world.code()
        let access = try #require(await redeem(code, in: world).json["access_token"]?.string)
        world.advance(.seconds(600))
        #expect(await redeem(code, in: world).event("token.code.replayed") != nil)
        #expect(try await !world.accepts(access))
    }

    @Test(arguments: [
        ("code_verifier", String(repeating: "a", count: 43)), ("client_id", "thief"), ("redirect_uri", "https://evil.example/"),
        ("resource", "https://other.example/mcp"),
    ])
    func `holding a dead code is no way to log its owner out (CODE-10)`(_ name: String, _ value: String) async throws {
        let world = try await World()
        try await world.clients.insert(.sample("thief"))
        let code = try await world.code()
        let access = try #require(await redeem(code, in: world).json["access_token"]?.string)
        #expect(await redeem(code, [(name, value)], in: world).status == .badRequest)
        #expect(try await world.accepts(access))
    }
}
