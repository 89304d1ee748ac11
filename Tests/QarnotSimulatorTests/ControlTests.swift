import HTTP
import Primitives
import QarnotSimulator
import Testing

@Suite struct ControlTests {
    @Test func `a frozen clock moves only when told`() async {
        let fixture = SimulatorFixture()
        fixture.simulator.freezeClock()
        let uuid = await fixture.submit()
        fixture.clock.advance(.seconds(3600))
        #expect(await fixture.state(of: uuid) == "Submitted")
        #expect(await fixture.admin(.post, "/clock", ["advance_ms": 500]).json["frozen"] == true)
        #expect(await fixture.state(of: uuid) == "FullyExecuting")
        #expect(await fixture.admin(.post, "/clock", ["frozen": false]).json["frozen"] == false)
        #expect(await fixture.state(of: uuid) == "FullyExecuting")
        fixture.clock.advance(.seconds(3600))
        #expect(await fixture.state(of: uuid) == "Success")
        #expect(await fixture.admin(.post, "/clock", ["advance_ms": -1]).status == 400)
    }

    @Test func `an account has several tokens, each revoked by itself`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit()
        #expect(await fixture.admin(.post, "/accounts", ["token": "second", "email": "alice@example.com"]).status == 201)
        #expect(await fixture.rest(.get, "/tasks/\(uuid)", token: "second").status == 200)
        #expect(await fixture.admin(.delete, "/accounts", ["token": "sim-token-alice"]).status == 204)
        #expect(await fixture.rest(.get, "/tasks/\(uuid)").status == 401)
        #expect(await fixture.rest(.get, "/tasks/\(uuid)", token: "second").status == 200)
        #expect(await fixture.admin(.delete, "/accounts", ["token": "none"]).status == 404)
    }

    @Test func `the journal tells accounts and their tokens apart, without the tokens`() async {
        let fixture = SimulatorFixture()
        _ = await fixture.rest(.get, "/info")
        _ = await fixture.rest(.get, "/info", token: "sim-token-bob")
        _ = await fixture.rest(.get, "/info", token: "stranger")
        let all = await fixture.admin(.get, "/requests")
        let rows = all.json["requests"]?.array ?? []
        #expect(rows.map { $0["account"] } == ["alice@example.com", "bob@example.com", .null])
        #expect(rows[0]["token"]?.string?.count == 8 && rows[0]["token"] != rows[1]["token"] && rows[2]["token"] == .null)
        #expect(!all.text.contains("sim-token"))
        #expect(await fixture.admin(.get, "/requests?after=2").json["requests"]?.array?.count == 1)
    }

    @Test func `a dropped request is carried out when the fault says after`() async {
        let fixture = SimulatorFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "drop": true])
        #expect(await fixture.submit() == "")
        #expect(await fixture.rest(.get, "/tasks").json == [])
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "drop": true, "after": true])
        #expect(await fixture.submit() == "")
        #expect(await fixture.rest(.get, "/tasks").json.array?.count == 1)
    }

    @Test func `a demonstration account has finished tasks with results`() async {
        let fixture = SimulatorFixture()
        fixture.simulator.addDemoContent(email: "alice@example.com")
        let tasks = await fixture.rest(.get, "/tasks").json.array ?? []
        #expect(tasks.map { $0["state"] } == ["Success", "Success", "Failure"])
        #expect(tasks[1]["resultsCount"] == 1 && tasks[2]["errors"]?.array?.count == 1)
        #expect(await fixture.rest(.get, "/tasks", token: "sim-token-bob").json == [])
    }

    @Test(
        arguments: [
            ("/v1/network/tasks/x/port-forward", 404), ("/quotas/computing-quotas/organization", 200),
            ("/credits/v1/projects/11111111-2222-4333-8444-555555555555/budgets?activeOnly=True", 200),
            ("/credits/v1/projects/x/budgets", 404), ("/v1", 200), ("/v1/info/", 200),
        ] as [(String, UInt16)])
    func `the lesser endpoints answer`(_ path: String, _ status: UInt16) async {
        #expect(await SimulatorFixture().rest(.get, path).status == status)
    }
}
