import HTTP
import Primitives
import Testing

@testable import OAuth

/// When a consent given before stands in for the question (CON-1, CON-2, CIMD-6).
struct RememberedConsentTests {
    /// A browser that allowed `qarnot:read` once.
    private func consented(_ world: World) async throws -> Browser {
        var browser = Browser(world)
        let consent = try await browser.reachConsent()
        _ = await browser.post("/consent", consent.formParameters + [("decision", "allow"), ("scope", "qarnot:read")])
        return browser
    }

    private func approve(_ world: World, _ change: (inout Client) -> Void = { _ in }) async throws {
        var client = Client.app
        client.approvedAt = world.now
        change(&client)
        _ = try await world.clients.update(client)
    }

    @Test func `a code is worth nothing once its consent was taken back (AZ-16)`() async throws {
        let world = try await World()
        let code = try await allowed(world)
        try await world.consents.forget(user: User.ada.id, client: Client.app.id)
        let answer = await world.token([("grant_type", "authorization_code"), ("code", code)])
        #expect(answer.error == "invalid_grant" && answer.event("token.code.replayed") == nil)
        #expect(try await world.tokens.tokens(of: nil, at: world.now).isEmpty)
    }

    @Test func `allowing again leaves the code another installation waits for (AZ-16, CIMD-8)`() async throws {
        let world = try await World()
        let (first, second) = (try await allowed(world), try await allowed(world))
        for code in [first, second] {
            #expect(await world.token([("grant_type", "authorization_code"), ("code", code)]).status == .ok)
        }
    }

    /// The code of one whole authorization.
    private func allowed(_ world: World) async throws -> String {
        var browser = Browser(world)
        let consent = try await browser.reachConsent()
        let answer = await browser.post("/consent", consent.formParameters + [("decision", "allow"), ("scope", "qarnot:read")])
        return try #require(try answer.handedOver().all("code").first)
    }

    @Test func `an approved client is answered at once, with a code as good as any`() async throws {
        let world = try await World()
        var browser = try await consented(world)
        try await approve(world)
        let answer = await browser.open([("scope", "qarnot:read")])
        #expect(answer.status == .seeOther)
        let code = try #require(try answer.handedOver().all("code").first)
        #expect(await world.token([("grant_type", "authorization_code"), ("code", code)]).json["scope"] == "qarnot:read")
        let silent = await browser.open([("scope", "qarnot:read"), ("prompt", "none")])
        #expect(try silent.handedOver().contains("code"))
    }

    @Test func `a client nobody approved is asked for every time another site sends the browser (CON-2)`() async throws {
        let world = try await World()
        var browser = try await consented(world)
        #expect(await browser.open([("scope", "qarnot:read")]).page == "consent")
    }

    @Test func `more scopes, another address, other metadata or prompt=consent ask again`() async throws {
        let world = try await World()
        var browser = try await consented(world)
        try await approve(world)
        #expect(await browser.open([("scope", "qarnot:execute")]).page == "consent")
        #expect(await browser.open([("scope", "qarnot:read"), ("prompt", "consent")]).page == "consent")
        try await approve(world) { $0.name = "Renamed" }
        #expect(await browser.open([("scope", "qarnot:read")]).page == "consent")
        try await approve(world)
        world.advance(.seconds(91 * 86_400))
        var fresh = try await Browser.signedIn(world)
        #expect(await fresh.open([("scope", "qarnot:read")]).page == "consent")
    }
}
