import HTTP
import MCP
import Policy
import Primitives
import Qarnot
import Synchronization
import Testing

@Suite struct BudgetTests {
    private static func budgets(_ change: (inout ComputeBudget) -> Void) -> ComputeBudgets {
        var budgets = ComputeBudgets()
        var budget = ComputeBudget()
        change(&budget)
        budgets.users["alice"] = budget
        return budgets
    }

    private static func task(_ more: (String, JSONValue)...) -> JSONValue {
        .object(JSONObject([("name", "t"), ("profile", "docker-batch")] + more))
    }

    private func expectRefusal(_ fixture: EngineFixture, _ tool: String, _ arguments: JSONValue, _ rule: String) async throws {
        let failure = try await fixture.fail(tool, arguments)
        #expect(failure["code"] == "budget_exceeded" && failure["rule"]?.string == rule && failure["retryable"] == false)
        #expect(failure["message"]?.string?.contains(rule) == true)
        #expect(fixture.noted.all.last == "alice \(tool) \(rule)")
    }

    @Test func `more instances than allowed are refused, however they are asked for`() async throws {
        let fixture = try EngineFixture(budgets: Self.budgets { $0.instances = 3 })
        let rule = "budget.max_instances"
        try await expectRefusal(fixture, "submit_task", Self.task(("instance_count", 4)), rule)
        try await expectRefusal(fixture, "submit_task", Self.task(("advanced_ranges", "0-1,5-7")), rule)
        try await expectRefusal(
            fixture, "submit_tasks", ["tasks": [Self.task(("instance_count", 2)), Self.task(("instance_count", 2))]], rule)
        try await expectRefusal(
            fixture, "submit_job", ["job_name": "j", "job_config": ["command": "true"], "instance_count": 9], rule)
        try await expectRefusal(
            fixture, "create_pool", ["name": "p", "profile": "docker-batch", "elastic": ["max_slots": 9]], rule)
        #expect(await fixture.requests().allSatisfy { !$0.hasPrefix("POST") }, "nothing was sent")
        let uuid = try await fixture.succeed("submit_task", Self.task(("instance_count", 3)))["uuid"] ?? .null
        try await expectRefusal(fixture, "clone_task", ["task_uuid": uuid, "overrides": ["instance_count": 4]], rule)
        _ = try await fixture.succeed("clone_task", ["task_uuid": uuid])
        await fixture.stop()
    }

    @Test func `other profiles, other images and pools are refused`() async throws {
        let fixture = try EngineFixture(
            budgets: Self.budgets {
                $0.profiles = ["docker-batch"]
                $0.images = ["library/ubuntu", "team/*"]
                $0.allowsPools = false
            })
        func image(_ repository: String) -> JSONValue {
            Self.task(("constants", [["key": "DOCKER_REPO", "value": .string(repository)]]))
        }
        try await expectRefusal(fixture, "submit_task", ["name": "t", "profile": "blender"], "budget.profiles")
        try await expectRefusal(fixture, "submit_task", image("evil/miner"), "budget.images")
        try await expectRefusal(
            fixture, "submit_task",
            Self.task(
                (
                    "constants",
                    [["key": "DOCKER_REPO", "value": "library/ubuntu"], ["key": "DOCKER_SRV", "value": "evil.example"]]
                )),
            "budget.images")
        try await expectRefusal(
            fixture, "create_pool", ["name": "p", "profile": "docker-batch", "instance_count": 1], "budget.pools")
        _ = try await fixture.succeed("submit_task", image("team/app"))
        let uuid = try await fixture.succeed("submit_task", Self.task())["uuid"] ?? .null
        try await expectRefusal(
            fixture, "update_task", ["task_uuid": uuid, "constants": [["key": "DOCKER_REPO", "value": "evil/miner"]]],
            "budget.images")
        _ = try await fixture.succeed(
            "update_task", ["task_uuid": uuid, "constants": [["key": "DOCKER_REPO", "value": "team/other"]]])
        try await expectRefusal(
            fixture, "clone_task",
            ["task_uuid": uuid, "overrides": ["constants": [["key": "DOCKER_REPO", "value": "evil/miner"]]]], "budget.images")
        await fixture.stop()
    }

    @Test func `a day's euros and core-hours end submissions, and a new day allows them`() async throws {
        for (rule, budgets) in [
            ("budget.euros_per_day", Self.budgets { $0.eurosPerDay = 0.03 }),
            ("budget.core_hours_per_day", Self.budgets { $0.coreHoursPerDay = 0.003 }),
        ] {
            let fixture = try EngineFixture(budgets: budgets)
            fixture.clock.setToMorning()
            for _ in 0..<2 { _ = try await fixture.succeed("submit_task", Self.task()) }
            fixture.clock.advance(.seconds(60))
            try await expectRefusal(fixture, "submit_task", Self.task(), rule)
            fixture.clock.advance(.seconds(86_400))
            _ = try await fixture.succeed("submit_task", Self.task())
            await fixture.stop()
        }
    }

    @Test func `deleting tasks does not win back what they cost`() async throws {
        let fixture = try EngineFixture(budgets: Self.budgets { $0.eurosPerDay = 0.02 })
        fixture.clock.setToMorning()
        let uuid = try await fixture.succeed("submit_task", Self.task())["uuid"] ?? .null
        fixture.clock.advance(.seconds(60))
        _ = try await fixture.succeed("delete_task", ["task_uuid": uuid])
        try await expectRefusal(fixture, "submit_task", Self.task(), "budget.euros_per_day")
        await fixture.stop()
    }

    @Test func `what a deleted task cost is kept beyond the process, before it is deleted`() async throws {
        let store = KeptCosts()
        let budgets = Self.budgets { $0.eurosPerDay = 0.01 }
        let fixture = try EngineFixture(budgets: budgets, spending: store)
        let uuid = try await fixture.succeed("submit_task", Self.task())["uuid"] ?? .null
        store.fails.withLock { $0 = true }
        #expect(try await fixture.fail("delete_task", ["task_uuid": uuid])["code"] == "budget_unavailable")
        store.fails.withLock { $0 = false }
        _ = try await fixture.succeed("delete_task", ["task_uuid": uuid])
        await fixture.stop()
        let next = try EngineFixture(budgets: budgets, spending: store)
        try await expectRefusal(next, "submit_task", Self.task(), "budget.euros_per_day")
        next.clock.advance(.seconds(86_400))
        _ = try await next.succeed("submit_task", Self.task())
        await next.stop()
    }

    @Test func `what was kept of a task that was not deleted after all is no last word`() async throws {
        let store = KeptCosts()
        let fixture = try EngineFixture(budgets: Self.budgets { $0.eurosPerDay = 0.01 }, spending: store)
        let bob = EngineFixture.principal("u2", "bob", .operator)
        let made = try await fixture.call("submit_task", Self.task(), as: bob)
        let uuid = try #require(made.structured?["uuid"]?.string)
        let now = fixture.clock.now.milliseconds
        try await store.keep(
            ComputeSpending(), of: uuid, for: UserID("u1"), since: Timestamp(milliseconds: now - now % 86_400_000))
        try await expectRefusal(fixture, "submit_task", Self.task(), "budget.euros_per_day")
        await fixture.stop()
    }

    @Test func `what was kept and cannot be read allows nothing`() async throws {
        let store = KeptCosts()
        store.fails.withLock { $0 = true }
        let fixture = try EngineFixture(budgets: Self.budgets { $0.eurosPerDay = 5 }, spending: store)
        #expect(try await fixture.fail("submit_task", Self.task())["code"] == "budget_unavailable")
        #expect(await fixture.requests().filter { $0 == "POST /tasks" }.isEmpty)
        await fixture.stop()
    }

    @Test func `costs that cannot be read allow nothing`() async throws {
        let fixture = try EngineFixture(budgets: Self.budgets { $0.eurosPerDay = 5 })
        _ = try await fixture.succeed("submit_task", Self.task())
        _ = await fixture.admin(.post, "/faults", ["path": "/credits", "status": 500, "count": 9])
        #expect(try await fixture.fail("submit_task", Self.task())["code"] == "qarnot_error")
        #expect(await fixture.requests().filter { $0 == "POST /tasks" }.count == 1)
        await fixture.stop()
    }

    @Test func `who has no budget is not limited`() async throws {
        let fixture = try EngineFixture(budgets: Self.budgets { $0.instances = 1 })
        let bob = EngineFixture.principal("u2", "bob", .operator)
        #expect(try await fixture.call("submit_task", Self.task(("instance_count", 5)), as: bob).isError == false)
        #expect(fixture.noted.all == [])
        await fixture.stop()
    }
}

extension ManualClock {
    /// Six in the morning of the day it shows, so that a test does not run into midnight.
    func setToMorning() {
        let passed = now.milliseconds % 86_400_000
        advance(.milliseconds(86_400_000 - passed + 6 * 3_600_000))
    }
}

/// What a database would keep.
private final class KeptCosts: SpendingStore {
    struct Failing: Error {}

    let fails = Mutex(false)
    private let costs = Mutex<[String: [String: ComputeSpending]]>([:])

    func costs(of user: UserID, since day: Timestamp) async throws -> [String: ComputeSpending] {
        if fails.withLock({ $0 }) { throw Failing() }
        return costs.withLock { $0["\(user) \(day.milliseconds)"] ?? [:] }
    }

    func keep(_ spending: ComputeSpending, of task: String, for user: UserID, since day: Timestamp) async throws {
        if fails.withLock({ $0 }) { throw Failing() }
        costs.withLock { $0["\(user) \(day.milliseconds)", default: [:]][task] = spending }
    }
}
