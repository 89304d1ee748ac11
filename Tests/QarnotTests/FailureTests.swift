import Client
import HTTP
import MCP
import Primitives
import Qarnot
import Testing

@Suite struct FailureTests {
    private static let task: JSONValue = ["name": "t", "profile": "docker-batch"]

    @Test func `without a key nothing is sent, and the answer says where to add one`() async throws {
        let fixture = try EngineFixture(key: nil)
        let failure = try await fixture.fail("list_tasks")
        #expect(failure["code"] == "key_missing" && failure["message"]?.string?.contains("https://gate.example/account") == true)
        #expect(await fixture.requests() == [])
        await fixture.stop()
    }

    @Test func `a rejected key is reported and marked`() async throws {
        let fixture = try EngineFixture(key: "not-a-known-token")
        let failure = try await fixture.fail("list_tasks")
        #expect(failure["code"] == "qarnot_token_rejected" && failure["qarnot_status"] == 401 && failure["retryable"] == false)
        #expect(fixture.keys.said == ["rejected"])
        await fixture.stop()
    }

    @Test(arguments: [
        (402, "Not enough credits", "insufficient_credits", false),
        (402, "hardware constraint not allowed", "hardware_not_allowed", false),
        (403, "Maximum number of tasks reached", "quota_reached", false), (403, "no", "forbidden", false),
        (400, "Invalid fields: name, tags", "invalid_request", false),
    ])
    func `a refusal is mapped`(_ status: Int, _ message: String, _ code: String, _ retryable: Bool) async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(
            .post, "/faults", ["path": "/tasks", "status": .int(status), "message": .string(message), "count": 9])
        let failure = try await fixture.fail("submit_task", Self.task)
        #expect(
            failure["code"]?.string == code && failure["qarnot_status"]?.int == status && failure["retryable"]?.bool == retryable)
        if status == 400 { #expect(failure["fields"] == ["name", "tags"]) }
        #expect(await fixture.requests().count == 1)
        await fixture.stop()
    }

    @Test func `a read is repeated while Qarnot is busy, and gives up in the end`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/profiles", "status": 503, "count": 2])
        _ = try await fixture.succeed("list_profiles")
        _ = await fixture.admin(.post, "/faults", ["path": "/profiles", "status": 429, "count": 9])
        let failure = try await fixture.fail("list_profiles")
        #expect(failure["code"] == "qarnot_busy" && failure["retryable"] == true)
        await fixture.stop()
    }

    @Test func `a Retry-After beyond patience is not waited for`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/profiles", "status": 503, "count": 9, "retry_after": 60])
        #expect(try await fixture.fail("list_profiles")["code"] == "qarnot_busy")
        #expect(await fixture.requests().count == 1)
        await fixture.stop()
    }

    @Test func `a submission whose answer was lost is found again, not repeated`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "status": 502, "after": true])
        let made = try await fixture.succeed("submit_task", Self.task)
        #expect(made["uuid"]?.string?.isEmpty == false)
        #expect(await fixture.requests().filter { $0 == "POST /tasks" }.count == 1)
        #expect(try await fixture.succeed("list_tasks")["tasks"]?.array?.count == 1)
        await fixture.stop()
    }

    @Test func `a submission whose connection broke is found again, and one that never arrived is sent once more`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "drop": true, "after": true])
        _ = try await fixture.succeed("submit_task", Self.task)
        #expect(await fixture.requests().filter { $0 == "POST /tasks" }.count == 1)
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "drop": true])
        _ = try await fixture.succeed("submit_task", Self.task)
        #expect(await fixture.requests().filter { $0 == "POST /tasks" }.count == 3)
        #expect(try await fixture.succeed("list_tasks")["tasks"]?.array?.count == 2)
        await fixture.stop()
    }

    @Test func `a deletion whose answer was lost is done, and told so`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"]?.string ?? ""
        _ = await fixture.admin(
            .post, "/faults", ["path": .string("/tasks/\(uuid)"), "method": "DELETE", "status": 502, "after": true])
        #expect(try await fixture.succeed("delete_task", ["task_uuid": .string(uuid)])["status"] == "success")
        await fixture.stop()
    }

    @Test func `a submission Qarnot did not take is repeated under the same short name`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "status": 503])
        let made = try await fixture.succeed("submit_task", Self.task)
        let shortname = made["shortname"]?.string ?? ""
        #expect(await fixture.requests().prefix(3) == ["POST /tasks", "GET /tasks/\(shortname)", "POST /tasks"])
        await fixture.stop()
    }

    @Test func `a submission that stays unclear says how to find out`() async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(.post, "/faults", ["path": "/tasks", "status": 500, "count": 20])
        let failure = try await fixture.fail("submit_task", Self.task)
        #expect(
            failure["code"] == "submission_unknown" && failure["retryable"] == false
                && failure["message"]?.string?.contains("gh-") == true)
        await fixture.stop()
    }

    @Test func `a service that is not there is unreachable`() async throws {
        let fixture = try EngineFixture(apiURL: "http://127.0.0.1:1")
        let failure = try await fixture.fail("list_profiles")
        #expect(failure["code"] == "qarnot_unreachable" && failure["retryable"] == true && failure["qarnot_status"] == .null)
        await fixture.stop()
    }

    @Test func `a task that prints the caller's key does not leak it`() async throws {
        let fixture = try EngineFixture()
        let made = try await fixture.succeed(
            "submit_task",
            [
                "name": "t", "profile": "docker-batch",
                "constants": [["key": "DOCKER_CMD", "value": .string("curl -H \(EngineFixture.token)")]],
            ])
        fixture.clock.advance(.seconds(1))
        let logs = try await fixture.succeed("get_task_logs", ["task_uuid": made["uuid"] ?? .null])
        #expect(logs["text"]?.string?.contains("curl -H [REDACTED]\n") == true)
        await fixture.stop()
    }

    @Test func `a huge result is cut and says so`() async throws {
        let fixture = try EngineFixture()
        let made = try await fixture.succeed("submit_task", ["name": "t", "profile": "docker-batch", "instance_count": 2000])
        fixture.clock.advance(.seconds(3))
        let result = try await fixture.call("get_task", ["task_uuid": made["uuid"] ?? .null])
        #expect((result.structured?.serialized.count ?? .max) <= 100_000 && result.structured?["truncated"] == true)
        #expect(result.structured?["truncated_members"] == ["task.completedInstances"])
        await fixture.stop()
    }

    @Test func `cancelling stops the waiting, not the task`() async throws {
        let fixture = try EngineFixture()
        let uuid =
            try await fixture.succeed(
                "submit_task",
                ["name": "long", "profile": "docker-batch", "constants": [["key": "SIM_DURATION_MS", "value": "60000000"]]])["uuid"]
            ?? .null
        let waiting = Task { try await fixture.fail("wait_for_task", ["task_uuid": uuid, "timeout_s": 600]) }
        while fixture.reported.isEmpty { await Task.yield() }
        waiting.cancel()
        #expect(try await waiting.value["code"] == "cancelled")
        #expect(try await fixture.succeed("get_task", ["task_uuid": uuid])["task"]?["state"]?.string?.contains("ancel") == false)
        await fixture.stop()
    }
}

extension EngineFixture {
    func fetch(_ url: String) async throws -> String {
        String(decoding: try await HTTPClient().send(OutboundRequest(.get, url)).body, as: UTF8.self)
    }
}
