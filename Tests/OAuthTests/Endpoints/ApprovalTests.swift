import HTTP
import Primitives
import Testing

@testable import OAuth

/// Clients that wait for an administrator (CON-4).
struct ApprovalTests {
    private func strict() async throws -> World {
        let world = try await World { $0.requiresClientApproval = true }
        try await world.clients.insert(.sample("stranger", kind: .dynamic))
        return world
    }

    private let stranger: [(String, String?)] = [("client_id", "stranger")]

    @Test func `a client nobody approved makes the person wait, and is on record once`() async throws {
        let world = try await strict()
        var browser = Browser(world)
        let page = try await browser.reachConsent(stranger)
        #expect(page.page == "waiting" && page.json["host"] == "app.example")
        let event = try #require(page.event("consent.required"))
        #expect(event.subject == "ada" && event.client == ClientID("stranger"))
        let again = await browser.get("/consent", [("transaction", page.json["transaction"]?.string ?? "")])
        #expect(again.page == "waiting" && again.events.isEmpty)
        let pending = try await world.approvals.pending()
        #expect(pending.count == 1 && pending[0].username == "ada" && pending[0].client.id == ClientID("stranger"))
    }

    @Test func `no form gets around the wait`() async throws {
        let world = try await strict()
        var browser = Browser(world)
        let page = try await browser.reachConsent(stranger)
        let id = page.json["transaction"]?.string ?? ""
        let browserDigest = try #require(
            world.security.cookieDigest(BrowserSecurity.browserCookie, browser.dressed(.get("/consent"))))
        let shownAt = String(world.now.seconds)
        let token = shownAt + "." + world.security.formToken("consent", "\(id)\u{0}u-ada\u{0}\(shownAt)", browserDigest)
        let answer = await browser.post(
            "/consent", [("transaction", id), ("token", token), ("decision", "allow"), ("scope", "qarnot:read")])
        #expect(answer.page == "waiting")
        #expect(try await world.grants.grants(of: User.ada.id, at: world.now).isEmpty)
    }

    @Test func `once approved the same transaction goes on, and nothing waits any more`() async throws {
        let world = try await strict()
        var browser = Browser(world)
        let page = try await browser.reachConsent(stranger)
        #expect(try await world.approvals.setApproved(true, client: ClientID("stranger"), at: world.now))
        #expect(try await world.approvals.pending().isEmpty)
        let next = await browser.get("/consent", [("transaction", page.json["transaction"]?.string ?? "")])
        #expect(next.page == "consent")
    }

    @Test func `a client registered by hand, or a server that asks nobody, goes on`() async throws {
        var browser = Browser(try await strict())
        #expect(try await browser.reachConsent().page == "consent")
        let open = try await World()
        try await open.clients.insert(.sample("stranger", kind: .dynamic))
        var other = Browser(open)
        #expect(try await other.reachConsent(stranger).page == "consent")
    }

    @Test func `a consent from before does not stand in for the approval`() async throws {
        let world = try await strict()
        let client = Client.sample("stranger", kind: .dynamic)
        _ = try await world.consents.keep(
            Consent(
                id: ConsentID("k1"), userID: User.ada.id, clientID: client.id, redirectHost: "app.example",
                resource: world.settings.resources[0].url,
                scopes: ScopeSet(text: "qarnot:admin"), metadataHash: client.metadataHash, givenAt: world.now,
                expiresAt: world.now + .seconds(3600)))
        var browser = try await Browser.signedIn(world)
        #expect(await browser.open(stranger).page == "waiting")
    }

    @Test func `a user waits for twenty clients at most, and requests go with their client`() async throws {
        let world = try await strict()
        for number in 0..<22 {
            let id = ClientID("c\(number)")
            try await world.clients.insert(.sample(id.text, kind: .dynamic))
            _ = try await world.approvals.ask(
                for: id, user: User.ada.id, redirectHost: "app.example", scopes: ScopeSet(text: "qarnot:read"), perUser: 20,
                at: world.now + .seconds(Int64(number)))
        }
        let pending = try await world.approvals.pending()
        #expect(pending.count == 20 && pending.first?.client.id == ClientID("c21"))
        _ = try await world.clients.remove(ClientID("c21"))
        #expect(try await world.approvals.pending().count == 19)
    }
}
