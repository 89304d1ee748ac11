import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct RefreshGrantTests {
    private func refreshToken(_ answer: Response) throws -> String { try #require(answer.json["refresh_token"]?.string) }
    private func accessToken(_ answer: Response) throws -> String { try #require(answer.json["access_token"]?.string) }

    @Test func `a refresh rotates and leaves the old access token to expire (RT-3)`() async throws {
        let world = try await World()
        let first = try await world.tokens()
        let answer = await world.refresh(first.refresh)
        #expect(answer.status == .ok && answer.isUncached)
        #expect(try refreshToken(answer) != first.refresh)
        #expect(try await world.accepts(accessToken(answer)))
        #expect(try await world.accepts(first.access))
        #expect(answer.event("token.refreshed") != nil)
    }

    @Test func `unknown and garbled tokens are invalid_grant, a missing one invalid_request (RT-1)`() async throws {
        let world = try await World()
        for wrong in ["garbage", TokenFormat.mint(.refresh).exposeText(), try await world.tokens().access] {
            #expect(await world.refresh(wrong).error == "invalid_grant")
        }
        #expect(await world.token([("grant_type", "refresh_token")]).error == "invalid_request")
    }

    @Test func `another client's token is refused and the family stands (RT-1)`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("thief"))
        let first = try await world.tokens()
        let answer = await world.refresh(first.refresh, [("client_id", "thief")])
        #expect(answer.error == "invalid_grant" && answer.event("token.refreshed")?.outcome == .denied)
        #expect(await world.refresh(first.refresh).status == .ok)
    }

    @Test(arguments: [
        ("scope", "qarnot:admin", "invalid_scope"), ("scope", "other:read", "invalid_scope"),
        ("resource", "https://other.example/", "invalid_target"),
    ])
    func `a request beyond the grant is refused before anything is written (RT-1)`(_ name: String, _ value: String, _ error: String)
        async throws
    {
        let world = try await World()
        let first = try await world.tokens()
        #expect(await world.refresh(first.refresh, [(name, value)]).error == error)
        let answer = await world.refresh(first.refresh)
        #expect(answer.status == .ok && answer.event("token.refreshed") != nil)
    }

    @Test func `scopes narrow one access token, not the family (RFC 6749 §6)`() async throws {
        let world = try await World()
        let narrow = await world.refresh(try await world.tokens().refresh, [("scope", "qarnot:read offline_access")])
        #expect(narrow.json["scope"] == "qarnot:read")
        #expect(await world.refresh(try refreshToken(narrow)).json["scope"] == "qarnot:read qarnot:execute")
    }

    @Test func `the idle end moves with use and the absolute end does not (RT-1, RT-3)`() async throws {
        let world = try await World {
            $0.refreshIdle = .seconds(100)
            $0.refreshAbsolute = .seconds(250)
        }
        var token = try await world.tokens().refresh
        for _ in 0..<2 {
            world.advance(.seconds(99))
            token = try refreshToken(await world.refresh(token))
        }
        world.advance(.seconds(51))
        #expect(await world.refresh(token).status == .ok)
        let idle = try await world.tokens(grant: "g2").refresh
        world.advance(.seconds(100))
        #expect(await world.refresh(idle).error == "invalid_grant")
        #expect(await world.refresh(token).error == "invalid_grant")
    }

    @Test func `within the grace the old token yields the same successor (RT-4)`() async throws {
        let world = try await World()
        let first = try await world.tokens()
        let (one, two) = (await world.refresh(first.refresh), await world.refresh(first.refresh))
        world.advance(.seconds(60))
        let three = await world.refresh(first.refresh)
        for answer in [two, three] {
            #expect(answer.status == .ok)
            #expect(try refreshToken(answer) == refreshToken(one))
            #expect(answer.event("token.refresh.grace_used") != nil)
        }
        #expect(Set([try accessToken(one), try accessToken(two), try accessToken(three)]).count == 3)
    }

    @Test func `of 16 refreshes at once all are answered with one successor (RT-2, RT-4)`() async throws {
        let world = try await World()
        let first = try await world.tokens()
        let successors = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<16 { group.addTask { await world.refresh(first.refresh).json["refresh_token"]?.string } }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(Set(successors).count == 1 && successors[0] != nil)
    }

    @Test func `reuse is on record with both sides (RT-5)`() async throws {
        let world = try await World()
        let first = try await world.tokens()
        let form = [("grant_type", "refresh_token"), ("refresh_token", first.refresh)]
        _ = await world.token(form, fields: [(.userAgent, "the client")])
        world.advance(.seconds(61))
        let reuse = await world.token(form, fields: [(.userAgent, "somebody")])
        let details = try #require(reuse.event("token.refresh.reuse_detected")).details
        for (name, value) in [
            ("address", "192.0.2.9"), ("user_agent", "somebody"), ("successor_address", "192.0.2.9"),
            ("successor_user_agent", "the client"),
        ] { #expect(details.first { $0.0 == name }?.1.string == value, "\(name)") }
    }

    @Test(arguments: [true, false])
    func `past the grace, or once the successor was used, it is reuse and the family ends (RT-5)`(_ isByUse: Bool) async throws {
        let world = try await World()
        let first = try await world.tokens()
        let second = await world.refresh(first.refresh)
        if isByUse { _ = await world.refresh(try refreshToken(second)) } else { world.advance(.seconds(61)) }
        let reuse = await world.refresh(first.refresh)
        #expect(reuse.status == .badRequest && reuse.error == "invalid_grant")
        let event = try #require(reuse.event("token.refresh.reuse_detected"))
        #expect(event.severity == .critical && event.details.contains { $0.key == "address" })
        #expect(try await !world.accepts(first.access))
        #expect(try await !world.accepts(accessToken(second)))
        #expect(await world.refresh(try refreshToken(second)).error == "invalid_grant")
    }

    @Test func `with no grace rotation is strict`() async throws {
        let world = try await World { $0.refreshGrace = .zero }
        let first = try await world.tokens()
        _ = await world.refresh(first.refresh)
        world.advance(.milliseconds(1))
        #expect(await world.refresh(first.refresh).event("token.refresh.reuse_detected") != nil)
    }

    @Test func `a disabled user's family is dead (RT-7)`() async throws {
        let world = try await World()
        let first = try await world.tokens()
        try await world.users.setDisabled(true, of: User.ada.id, at: world.now)
        #expect(await world.refresh(first.refresh).error == "invalid_grant")
    }
}
