import HTTP
import MCP
import Primitives
import Qarnot
import Testing

@Suite struct WideToolTests {
    private static let task: JSONValue = [
        "name": "t", "profile": "docker-batch", "instance_count": 2, "result_bucket": "wide-out",
        "constants": [["key": "DOCKER_CMD", "value": "true"]],
    ]

    @Test func `several tasks are submitted at once, each with its own outcome`() async throws {
        let fixture = try EngineFixture()
        let made = try await fixture.succeed("submit_tasks", ["tasks": [Self.task, ["name": "u", "profile": "no-such"]]])
        let results = try #require(made["results"]?.array)
        #expect(results[0]["uuid"]?.string?.isEmpty == false && results[0]["status_code"] == 200)
        #expect(results[1]["uuid"] == .null && results[1]["status_code"] == 403)
        #expect(results[1]["message"]?.string?.contains("Profile") == true)
        await fixture.stop()
    }

    @Test func `several tasks whose answer was lost are looked up, not sent again`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "status": 502, "after": true])
        let made = try await fixture.succeed("submit_tasks", ["tasks": [Self.task, Self.task]])
        #expect(made["results"]?.array?.allSatisfy { $0["uuid"]?.string != nil } == true)
        #expect(await fixture.requests().filter { $0 == "POST /tasks" }.count == 1)
        await fixture.stop()
    }

    @Test func `several tasks Qarnot did not take fail as a whole`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "status": 503])
        #expect(try await fixture.fail("submit_tasks", ["tasks": [Self.task]])["code"] == "qarnot_busy")
        await fixture.stop()
    }

    @Test func `a task's tags and constants change, and its resources are synced while it runs`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"] ?? .null
        let tagged = try await fixture.succeed("update_task", ["task_uuid": uuid, "tags": ["a", "b"]])
        #expect(tagged["task"]?["tags"] == ["a", "b"] && tagged["task"]?["constants"]?.array?.count == 1)
        let changed = try await fixture.succeed(
            "update_task", ["task_uuid": uuid, "constants": [["key": "DOCKER_CMD", "value": "false"]]])
        #expect(changed["task"]?["tags"] == ["a", "b"] && changed["task"]?["constants"]?.array?.first?["value"] == "false")
        #expect(try await fixture.fail("update_task", ["task_uuid": uuid])["code"] == "invalid_arguments")
        #expect(try await fixture.succeed("sync_task_resources", ["task_uuid": uuid])["accepted"] == true)
        fixture.clock.advance(.seconds(60))
        #expect(try await fixture.fail("sync_task_resources", ["task_uuid": uuid])["code"] == "invalid_request")
        await fixture.stop()
    }

    @Test func `snapshots are taken, followed and repeated`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"] ?? .null
        let id = try await fixture.succeed("snapshot_task", ["task_uuid": uuid, "whitelist": "out.*"])["id"] ?? .null
        let snapshot = try await fixture.succeed("get_snapshot", ["task_uuid": uuid, "snapshot_id": id])
        #expect(snapshot["status"] == "success" && snapshot["size"] == 0)
        #expect(try await fixture.succeed("set_periodic_snapshot", ["task_uuid": uuid, "interval_s": 60])["accepted"] == true)
        #expect(try await fixture.succeed("get_task", ["task_uuid": uuid])["task"]?["snapshotInterval"] == 60)
        await fixture.stop()
    }

    @Test func `a failed task is retried, a cancelled one resumed, any cloned`() async throws {
        let fixture = try EngineFixture()
        func ended(_ outcome: String) async throws -> JSONValue {
            let uuid = try await fixture.succeed(
                "submit_task",
                ["name": "t", "profile": "docker-batch", "constants": [["key": "SIM_OUTCOME", "value": .string(outcome)]]])["uuid"]
            fixture.clock.advance(.seconds(60))
            return uuid ?? .null
        }
        let failed = try await ended("failure")
        let retried = try await fixture.succeed("retry_task", ["task_uuid": failed, "overrides": ["tags": ["again"]]])
        #expect(retried["original_uuid"] == failed && retried["uuid"] != failed)
        let new = try await fixture.succeed("get_task", ["task_uuid": retried["uuid"] ?? .null])
        #expect(new["task"]?["tags"] == ["again"])
        #expect(try await fixture.succeed("recover_task", ["task_uuid": failed])["uuid"] != failed)
        let good = try await ended("success")
        #expect(try await fixture.fail("retry_task", ["task_uuid": good])["code"] == "invalid_request")
        let clone =
            try await fixture.succeed("clone_task", ["task_uuid": good, "overrides": ["instance_count": 3]])["uuid"] ?? .null
        #expect(try await fixture.succeed("get_task", ["task_uuid": clone])["task"]?["instanceCount"] == 3)
        _ = try await fixture.succeed("abort_task", ["task_uuid": clone])
        fixture.clock.advance(.seconds(5))
        #expect(try await fixture.succeed("resume_task", ["task_uuid": clone])["uuid"] != clone)
        await fixture.stop()
    }

    @Test func `a clone whose answer was lost is found, not made twice`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"] ?? .null
        let path = "/tasks/\(uuid.string ?? "")/clone"
        _ = await fixture.admin(.post, "/faults", ["path": .string(path), "status": 502, "after": true])
        _ = try await fixture.succeed("clone_task", ["task_uuid": uuid])
        #expect(await fixture.requests().filter { $0 == "POST \(path)" }.count == 1)
        #expect(try await fixture.succeed("list_tasks")["tasks"]?.array?.count == 2)
        await fixture.stop()
    }

    @Test func `a pool lives from opening to deletion`() async throws {
        let fixture = try EngineFixture()
        let made = try await fixture.succeed("create_pool", ["name": "p", "profile": "docker-batch", "instance_count": 2])
        let id = made["uuid"] ?? .null
        #expect(made["warnings"]?.array?.isEmpty == false)
        fixture.clock.advance(.seconds(5))
        #expect(try await fixture.succeed("get_pool", ["pool_uuid": id])["pool"]?["state"] == "FullyExecuting")
        #expect(try await fixture.succeed("list_pools")["pools"]?.array?.first?["uuid"] == id)
        let updated = try await fixture.succeed(
            "update_pool", ["pool_uuid": id, "tags": ["x"], "elastic": ["max_slots": 4, "min_slots": 1]])
        #expect(updated["pool"]?["tags"] == ["x"] && updated["pool"]?["elasticProperty"]?["maxTotalSlots"] == 4)
        #expect(try await fixture.succeed("get_pool_logs", ["pool_uuid": id])["text"] == "")
        let task = try await fixture.succeed("submit_task", ["name": "in", "pool_uuid": id])
        #expect(task["state"] == "Submitted")
        #expect(try await fixture.succeed("close_pool", ["pool_uuid": id])["state"] == "Closing")
        #expect(try await fixture.fail("close_pool", ["pool_uuid": id])["code"] == "not_running")
        #expect(try await fixture.succeed("delete_pool", ["pool_uuid": id])["state"] == "Deleted")
        #expect(try await fixture.fail("get_pool", ["pool_uuid": id])["code"] == "not_found")
        #expect(try await fixture.fail("create_pool", ["name": "p", "profile": "x"])["fields"] == ["instance_count", "elastic"])
        await fixture.stop()
    }

    @Test func `a job group holds tasks and their dependencies`() async throws {
        let fixture = try EngineFixture()
        let id = try await fixture.succeed("create_job_group", ["name": "g", "use_dependencies": true])["uuid"] ?? .null
        let first =
            try await fixture.succeed(
                "submit_task", ["name": "1", "profile": "docker-batch", "job_group_uuid": id])["uuid"] ?? .null
        _ = try await fixture.succeed(
            "submit_task", ["name": "2", "profile": "docker-batch", "job_group_uuid": id, "depends_on": .array([first])])
        let group = try await fixture.succeed("get_job_group", ["job_group_uuid": id])
        #expect(group["tasks"]?.array?.count == 2 && group["job_group"]?["use_dependencies"] == true)
        #expect(try await fixture.succeed("list_job_groups")["job_groups"]?.array?.count == 1)
        let refused = try await fixture.fail("delete_job_group", ["job_group_uuid": id])
        #expect(refused["code"] == "conflict" && refused["fields"] == ["force"])
        #expect(try await fixture.succeed("terminate_job_group", ["job_group_uuid": id])["state"] == "Terminating")
        #expect(try await fixture.succeed("delete_job_group", ["job_group_uuid": id, "force": true])["state"] == "Deleted")
        #expect(try await fixture.fail("get_job_group", ["job_group_uuid": id])["code"] == "not_found")
        await fixture.stop()
    }

    @Test func `account, costs, carbon, budgets and hardware are told`() async throws {
        let fixture = try EngineFixture()
        let account = try await fixture.succeed("get_account")
        #expect(account["email"] == "alice@example.com" && account["credits_euros"]?.double != nil)
        #expect(account["quotas"]?["maxTask"] != nil && account["usage"]?["taskCount"] != nil)
        let viewer = EngineFixture.principal("u2", "bob", .viewer)
        #expect(try await fixture.call("get_account", as: viewer).structured?["email"] == "a***@example.com")
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"] ?? .null
        #expect(try await fixture.succeed("get_task_cost", ["task_uuid": uuid])["euros"]?.double != nil)
        let carbon = try await fixture.succeed("get_carbon_facts", ["task_uuid": uuid, "comparison_datacenter": "other"])
        #expect(carbon["energy_wh"]?.double != nil && carbon["pue"]?.double != nil)
        #expect(await fixture.requests().last?.hasSuffix("carbon-facts?comparisonDatacenter=other") == true)
        #expect(try await fixture.fail("get_task_cost", [:])["code"] == "invalid_arguments")
        #expect(try await fixture.succeed("list_budgets")["budgets"]?.array != nil)
        let hardware = try await fixture.succeed("list_hardware", ["limit": 1])
        #expect(hardware["constraints"]?.array?.count == 1 && hardware["next_offset"] == 1)
        let models = try await fixture.succeed("search_cpu_models", ["cpu_model": "ryzen"])
        #expect(models["constraints"]?.array?.isEmpty == false)
        await fixture.stop()
    }

    @Test func `a secret's value goes in and never comes back`() async throws {
        let fixture = try EngineFixture()
        let secret: JSONValue = ["key": "team/password", "value": "hunter2-hunter2"]
        #expect(try await fixture.succeed("set_secret", secret)["created"] == true)
        #expect(try await fixture.succeed("set_secret", secret)["created"] == false)
        #expect(try await fixture.succeed("list_secrets")["keys"] == ["team/"])
        #expect(try await fixture.succeed("list_secrets", ["prefix": "team/"])["keys"] == ["team/password"])
        #expect(try await fixture.succeed("delete_secret", ["key": "team/password"])["deleted"] == true)
        #expect(try await fixture.fail("delete_secret", ["key": "team/password"])["code"] == "not_found")
        #expect(try await fixture.fail("set_secret", ["key": "../info", "value": "x"])["code"] == "invalid_arguments")
        await fixture.stop()
    }

    @Test func `a cursor is good for one listing of one user only`() async throws {
        let fixture = try EngineFixture()
        for name in ["a", "b", "c"] {
            _ = try await fixture.succeed("submit_task", ["name": .string(name), "profile": "docker-batch", "tags": ["all"]])
        }
        let cursor = try await fixture.succeed("list_tasks", ["limit": 1])["next_cursor"] ?? .null
        #expect(try await fixture.succeed("list_tasks", ["limit": 2, "cursor": cursor])["tasks"]?.array?.count == 2)
        #expect(try await fixture.fail("list_tasks", ["cursor": cursor, "tags": ["all"]])["fields"] == ["cursor"])
        #expect(try await fixture.fail("list_pools", ["cursor": cursor])["fields"] == ["cursor"])
        let other = try await fixture.call("list_tasks", ["cursor": cursor], as: EngineFixture.principal("u2", "bob", .viewer))
        #expect(other.isError && other.structured?["fields"] == ["cursor"])
        #expect(try await fixture.fail("list_tasks", ["cursor": "MQ"])["code"] == "invalid_arguments")
        await fixture.stop()
    }

    @Test func `a page too large for a result is made smaller, and nothing is lost between pages`() async throws {
        let fixture = try EngineFixture()
        let tags = JSONValue.array((0..<10).map { .string(String(repeating: "\($0)", count: 500)) })
        let tasks = JSONValue.array((0..<50).map { ["name": .string("t\($0)"), "profile": "docker-batch", "tags": tags] })
        _ = try await fixture.succeed("submit_tasks", ["tasks": tasks])
        var (seen, cursor) = ([String](), JSONValue.null)
        repeat {
            var arguments = JSONObject([("limit", 50)])
            if cursor != .null { arguments["cursor"] = cursor }
            let page = try await fixture.succeed("list_tasks", .object(arguments))
            #expect(page.serialized.count <= 100_000 && page["truncated"] == nil)
            seen += page["tasks"]?.array?.compactMap { $0["name"]?.string } ?? []
            cursor = page["next_cursor"] ?? .null
        } while cursor != .null
        #expect(seen.count == 50 && Set(seen).count == 50)
        await fixture.stop()
    }
}
