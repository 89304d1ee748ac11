import HTTP
import MCP
import Primitives
import Qarnot
import Testing

@Suite struct ToolTests {
    private static let task: JSONValue = [
        "name": "smoke", "profile": "docker-batch", "instance_count": 2, "tags": ["x"], "result_bucket": "smoke-out",
        "constants": [["key": "DOCKER_CMD", "value": "echo hello"], ["key": "QARNOT_SECRET__P", "value": "hunter2"]],
    ]

    @Test func `a task is submitted, waited for, read, and deleted`() async throws {
        let fixture = try EngineFixture()
        let made = try await fixture.succeed("submit_task", Self.task)
        let uuid = try #require(made["uuid"]?.string)
        #expect(
            made["state"] == "Submitted" && made["created_at"]?.string != nil && made["shortname"]?.string?.hasPrefix("gh-") == true
        )
        let waited = try await fixture.succeed("wait_for_task", ["task_uuid": .string(uuid)])
        #expect(waited["state"] == "Success" && waited["timed_out"] == false && waited["progress"]?.double == 100)
        #expect(fixture.reported == fixture.reported.sorted() && fixture.reported.last == 100)
        let task = try await fixture.succeed("get_task", ["task_uuid": .string(uuid)])["task"]
        #expect(task?["state"] == "Success" && task?.text.contains("hunter2") == false && task?["constants"]?.array?.count == 2)
        #expect(try await fixture.succeed("delete_task", ["task_uuid": .string(uuid)])["status"] == "success")
        #expect(try await fixture.fail("get_task", ["task_uuid": .string(uuid)])["code"] == "not_found")
        await fixture.stop()
    }

    @Test func `logs are read without moving anybody's cursor, from the end`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"] ?? .null
        fixture.clock.advance(.seconds(5))
        let all = try await fixture.succeed("get_logs", ["task_uuid": uuid])
        #expect(all["text"]?.string?.hasPrefix("[instance 0] $ echo hello\n[instance 1]") == true && all["truncated"] == false)
        let one = try await fixture.succeed(
            "get_task_logs", ["task_uuid": uuid, "instance_id": 1, "log_type": "stdout", "tail_bytes": 5])
        #expect(one["text"] == "100%\n" && one["truncated"] == true)
        #expect(try await fixture.succeed("get_task_logs", ["task_uuid": uuid, "log_type": "stderr"])["text"] == "")
        #expect(await fixture.requests().allSatisfy { !$0.hasPrefix("POST") || $0 == "POST /tasks" })
        await fixture.stop()
    }

    @Test func `tasks are listed by tag, state and page`() async throws {
        let fixture = try EngineFixture()
        for name in ["a", "b", "c"] {
            _ = try await fixture.succeed(
                "submit_task", ["name": .string(name), "profile": "docker-batch", "tags": ["t-\(name)", "all"].json])
        }
        let first = try await fixture.succeed("list_tasks", ["tags": ["all"], "limit": 2])
        #expect(first["tasks"]?.array?.map { $0["name"] } == ["c", "b"])
        let second = try await fixture.succeed(
            "list_tasks", ["tags": ["all"], "limit": 2, "cursor": first["next_cursor"] ?? .null])
        #expect(second["tasks"]?.array?.map { $0["name"] } == ["a"] && second["next_cursor"] == .null)
        #expect(try await fixture.succeed("list_tasks", ["tags": ["t-a", "t-b"]])["tasks"]?.array?.count == 2)
        #expect(try await fixture.succeed("list_tasks", ["states": ["Success"]])["tasks"] == [])
        #expect(try await fixture.succeed("list_tasks", ["name_like": "b", "states": ["Submitted"]])["tasks"]?.array?.count == 1)
        await fixture.stop()
    }

    @Test func `profiles are listed and shown`() async throws {
        let fixture = try EngineFixture()
        #expect(try await fixture.succeed("list_profiles")["profiles"]?.array?.contains("docker-batch") == true)
        let profile = try await fixture.succeed("get_profile", ["profile_name": "docker-batch"])
        #expect(profile["constants"]?.array?.first?["name"] == "DOCKER_REPO")
        #expect(try await fixture.fail("get_profile", ["profile_name": "none-such"])["code"] == "not_found")
        #expect(try await fixture.fail("get_profile", ["profile_name": "../info"])["code"] == "invalid_arguments")
        await fixture.stop()
    }

    @Test func `a job goes from submission to results`() async throws {
        let fixture = try EngineFixture()
        let made = try await fixture.succeed(
            "submit_job",
            [
                "job_name": "j", "priority": 5, "resource_type": "GPU",
                "job_config": [
                    "docker_image": "registry:5000/team/app:1.2", "script": "main.py", "environment": ["A": "1", "N": 2],
                    "result_bucket": "job-out",
                ],
            ])
        #expect(
            made["status"] == "submitted" && made["resource_type"] == "GPU"
                && made["warnings"] == ["priority is not supported by Qarnot"])
        let id = made["job_id"] ?? .null
        let task = try await fixture.succeed("get_task", ["task_uuid": id])["task"]
        let constants = task?["constants"]?.array?.map { "\($0["key"]?.string ?? "")=\($0["value"]?.string ?? "")" }
        #expect(constants == ["DOCKER_REPO=registry:5000/team/app", "DOCKER_TAG=1.2", "DOCKER_CMD=python main.py", "A=1", "N=2"])
        #expect(task?["hardwareConstraints"] == [["discriminator": "GpuHardwareConstraint"]])
        fixture.clock.advance(.milliseconds(700))
        let running = try await fixture.succeed("get_job_status", ["job_id": id])
        #expect(running["status"] == "running" && running["started_at"]?.string != nil && running["started_at_estimated"] == false)
        fixture.clock.advance(.seconds(2))
        let done = try await fixture.succeed("get_job_status", ["job_id": id])
        #expect(done["status"] == "completed" && done["progress"]?.double == 100 && done["started_at_estimated"] == true)
        let results = try await fixture.succeed("retrieve_job_results", ["job_id": id, "output_path": "/tmp/x"])
        #expect(
            results["file_count"] == 1 && results["file_size_bytes"] == 21 && results["scope"] == "task"
                && results["warnings"]?.array?.count == 1)
        #expect(results["files"]?.array?.first?["key"] == "out/result-0.txt")
        let url = try #require(results["download_url"]?.string)
        #expect(try await fixture.fetch(url) == "result of instance 0\n")
        await fixture.stop()
    }

    @Test func `results of several files have no single download, and presigned ones on request`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await fixture.succeed("submit_task", Self.task)["uuid"] ?? .null
        fixture.clock.advance(.seconds(3))
        let plain = try await fixture.succeed("get_task_results", ["task_uuid": uuid])
        #expect(
            plain["file_count"] == 2 && plain["download_url"] == .null
                && plain["results_url"]?.string?.hasSuffix("/smoke-out/") == true)
        #expect(plain["files"]?.array?.allSatisfy { $0["download_url"] == .null } == true)
        let signed = try await fixture.succeed("get_task_results", ["task_uuid": uuid, "presign": true])
        let url = try #require(signed["files"]?.array?.last?["download_url"]?.string)
        #expect(try await fixture.fetch(url) == "result of instance 1\n")
        await fixture.stop()
    }

    @Test func `cancelling waits to see it, and a finished job says so`() async throws {
        let fixture = try EngineFixture()
        let id =
            try await fixture.succeed("submit_job", ["job_name": "j", "job_config": ["command": "sleep 60"]])["job_id"] ?? .null
        let cancelled = try await fixture.succeed("cancel_job", ["job_id": id, "reason": "changed my mind"])
        #expect(
            cancelled["status"] == "cancelled" && cancelled["cancelled_at"]?.string != nil
                && cancelled["reason"] == "changed my mind")
        let again = try await fixture.fail("cancel_job", ["job_id": id])
        #expect(
            again["code"] == "not_running" && again["message"] == "The job has already finished (Cancelled)."
                && again["qarnot_status"] == 403)
        #expect(try await fixture.fail("abort_task", ["task_uuid": id])["code"] == "not_running")
        await fixture.stop()
    }

    @Test func `jobs are listed by offset with a count`() async throws {
        let fixture = try EngineFixture()
        for index in 0..<5 { _ = try await fixture.succeed("submit_job", ["job_name": .string("j\(index)"), "job_config": [:]]) }
        let page = try await fixture.succeed("list_jobs", ["limit": 2, "offset": 1])
        #expect(page["jobs"]?.array?.map { $0["name"] } == ["j3", "j2"] && page["total_count"] == 5 && page["next_offset"] == 3)
        let last = try await fixture.succeed("list_jobs", ["limit": 2, "offset": 4])
        #expect(last["jobs"]?.array?.count == 1 && last["next_offset"] == .null)
        #expect(try await fixture.succeed("list_jobs", ["status_filter": "completed"])["total_count"] == 0)
        fixture.clock.advance(.seconds(3))
        #expect(try await fixture.succeed("list_jobs", ["status_filter": "completed"])["total_count"] == 5)
        await fixture.stop()
    }

    @Test func `waiting ends with its time`() async throws {
        let fixture = try EngineFixture()
        let uuid =
            try await fixture.succeed(
                "submit_task",
                ["name": "long", "profile": "docker-batch", "constants": [["key": "SIM_DURATION_MS", "value": "600000"]]])["uuid"]
            ?? .null
        #expect(try await fixture.succeed("wait_for_task", ["task_uuid": uuid, "until": "running"])["state"] == "FullyExecuting")
        let waited = try await fixture.succeed("wait_for_task", ["task_uuid": uuid, "timeout_s": 20])
        #expect(waited["timed_out"] == true && waited["state"] == "FullyExecuting")
        #expect(await fixture.requests().count < 20)
        await fixture.stop()
    }

    @Test(
        arguments: [
            ("submit_task", [:], "name"), ("submit_task", ["name": "x"], "profile"),
            ("submit_task", ["name": "x", "profile": "p", "instance_count": 0], "instance_count"),
            ("submit_task", ["name": "x", "profile": "p", "constants": [["key": "a b", "value": ""]]], "constants[0].key"),
            ("submit_task", ["name": "x", "profile": "p", "privileges": [:]], "privileges"),
            ("submit_task", ["name": "x", "profile": "p", "pool_uuid": "y"], "profile"),
            ("get_task", ["task_uuid": "../info"], "task_uuid"),
            ("get_task", ["task_uuid": 5], "task_uuid"), ("get_task_logs", ["task_uuid": "a", "log_type": "both"], "log_type"),
            ("list_jobs", ["limit": 101], "limit"),
            ("submit_job", ["job_name": "j", "job_config": ["image": "x"]], "job_config.image"),
            ("submit_job", ["job_name": "j", "job_config": ["docker_image": "a@sha256:0"]], "job_config.docker_image"),
            ("retrieve_job_results", [:], "job_id"),
            ("wait_for_task", ["task_uuid": "a", "timeout_s": 601], "timeout_s"),
            ("cancel_job", ["job_id": "a", "reason": .string(String(repeating: "r", count: 501))], "reason"),
        ] as [(String, JSONValue, String)])
    func `a wrong argument is named, and nothing is sent`(_ tool: String, _ arguments: JSONValue, _ field: String) async throws {
        let fixture = try EngineFixture()
        let failure = try await fixture.fail(tool, arguments)
        #expect(failure["code"] == "invalid_arguments" && failure["fields"]?.array?.first?.string == field)
        #expect(failure["message"]?.string?.contains(field) == true)
        #expect(await fixture.requests() == [])
        await fixture.stop()
    }

    @Test func `every tool is complete and says the truth about itself`() throws {
        let tools = try EngineFixture().tools
        #expect(tools.count == 52)
        for tool in tools {
            #expect(
                tool.inputSchema["additionalProperties"] == false && tool.outputSchema?["type"] == "object" && !tool.title.isEmpty)
            #expect(tool.annotations.isReadOnly == (tool.permission == .read || tool.name == "list_secrets"))
        }
        #expect((try? ToolRegistry(tools)) != nil)
    }
}

extension [String] {
    var json: JSONValue { .array(map { .string($0) }) }
}
