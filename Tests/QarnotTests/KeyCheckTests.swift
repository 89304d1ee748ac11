import Client
import HTTP
import Primitives
import Qarnot
import Testing

@Suite struct KeyCheckTests {
    private func check(_ fixture: EngineFixture, _ key: String) async -> KeyCheck {
        await QarnotEngine.check(Secret(key), settings: fixture.settings, client: HTTPClient())
    }

    @Test func `a good key is accepted with its account, by one call that reads`() async throws {
        let fixture = try EngineFixture()
        #expect(await check(fixture, EngineFixture.token) == .accepted(email: "alice@example.com"))
        #expect(await fixture.requests() == ["GET /info"])
        await fixture.stop()
    }

    @Test(arguments: ["no-such-key", "broken\r\nkey", "Bearer sim-token-alice"])
    func `any other key is rejected`(_ key: String) async throws {
        let fixture = try EngineFixture()
        #expect(await check(fixture, key) == .rejected)
        await fixture.stop()
    }

    @Test func `a service that does not answer says nothing of the key`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/info", "status": 503])
        guard case .unknown(let reason) = await check(fixture, EngineFixture.token) else {
            Issue.record("judged")
            return
        }
        #expect(!reason.isEmpty)
        await fixture.stop()
    }
}
