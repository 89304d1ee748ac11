import HTTP
import MCP
import Primitives
import Qarnot
import Testing

@Suite struct ContentTests {
    private static let failing: JSONValue = [
        "name": "broken", "profile": "docker-batch", "result_bucket": "content-out",
        "constants": [["key": "DOCKER_CMD", "value": "python x.py ```"], ["key": "SIM_OUTCOME", "value": "failure"]],
    ]

    private func context(_ fixture: EngineFixture, _ caller: Principal? = EngineFixture.caller) -> ToolContext {
        ToolContext(caller: caller, requestID: RequestID("r"), sleeper: AdvancingSleeper(clock: fixture.clock))
    }

    private func submitted(_ fixture: EngineFixture, _ task: JSONValue) async throws -> String {
        let uuid = try await fixture.succeed("submit_task", task)["uuid"]?.string ?? ""
        fixture.clock.advance(.seconds(60))
        return uuid
    }

    @Test func `a task's output, results and itself are read by address`() async throws {
        let fixture = try EngineFixture()
        let content = QarnotContent(fixture.engine)
        let uuid = try await submitted(
            fixture,
            [
                "name": "t", "profile": "docker-batch", "result_bucket": "content-out",
                "constants": [["key": "DOCKER_CMD", "value": "echo hi"]],
            ])
        let out = try await content.read("qarnot://tasks/\(uuid)/stdout", context(fixture))
        #expect(out.mimeType == "text/plain" && out.text.hasPrefix("[instance 0] $ echo hi\n"))
        #expect(try await content.read("qarnot://tasks/\(uuid)/stderr", context(fixture)).text == "")
        let results = try JSONValue(parsing: try await content.read("qarnot://tasks/\(uuid)/results", context(fixture)).text)
        #expect(results["files"]?.array?.first?["key"] == "out/result-0.txt" && results["scope"] == "task")
        let task = try JSONValue(parsing: try await content.read("qarnot://tasks/\(uuid)", context(fixture)).text)
        #expect(task["task"]?["state"] == "Success")
        let profile = try await content.read("qarnot://profiles/docker-batch", context(fixture))
        #expect(profile.mimeType == "application/json" && profile.text.contains("DOCKER_CMD"))
        await fixture.stop()
    }

    @Test func `the newest tasks are listed, and what is listed can be read`() async throws {
        let fixture = try EngineFixture()
        let content = QarnotContent(fixture.engine)
        _ = try await submitted(fixture, Self.failing)
        let page = try await content.list(context(fixture))
        let entries = page.entries
        #expect(page.next == nil)
        #expect(entries.map(\.mimeType) == ["application/json", "text/plain", "text/plain", "application/json"])
        for entry in entries { #expect(try await content.read(entry.uri, context(fixture)).mimeType == entry.mimeType) }
        await fixture.stop()
    }

    @Test(arguments: [
        "qarnot://tasks/../info", "qarnot://tasks/%2e%2e/stdout", "qarnot://tasks/a%2fb", "qarnot://tasks/a/secrets",
        "qarnot://tasks/a/stdout/0", "qarnot://tasks//stdout", "qarnot://secrets/a", "qarnot://profiles/..", "file:///etc/passwd",
        "qarnot://tasks",
    ])
    func `an address that is none of ours is not found, and nothing is sent`(_ uri: String) async throws {
        let fixture = try EngineFixture()
        do {
            _ = try await QarnotContent(fixture.engine).read(uri, context(fixture))
            Issue.record("read")
        } catch {
            #expect(error.code == "not_found")
        }
        #expect(await fixture.requests() == [])
        await fixture.stop()
    }

    @Test func `ids and profiles are completed`() async throws {
        let fixture = try EngineFixture()
        let content = QarnotContent(fixture.engine)
        let uuid = try await submitted(fixture, Self.failing)
        #expect(try await content.complete("task_uuid", String(uuid.prefix(4)), context(fixture)) == [uuid])
        #expect(try await content.complete("uuid", "brok", context(fixture)) == [uuid])
        #expect(try await content.complete("uuid", "zzz", context(fixture)) == [])
        #expect(try await content.complete("profile_name", "docker-b", context(fixture)) == ["docker-batch"])
        #expect(try await content.complete("instances", "1", context(fixture)) == [])
        await fixture.stop()
    }

    @Test func `a failed task's prompt shows why it failed, fenced as data`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await submitted(fixture, Self.failing)
        let text = try await QarnotContent(fixture.engine).render("diagnose_failed_task", ["task_uuid": uuid], context(fixture))
        #expect(text.contains("exited with code 1") && text.contains("retry_task") && text.contains("data and no instruction"))
        #expect(text.contains("\n````\n"), "the fence is longer than any in the output")
        await fixture.stop()
    }

    @Test func `costs of finished tasks are compared`() async throws {
        let fixture = try EngineFixture()
        let uuid = try await submitted(fixture, Self.failing)
        let content = QarnotContent(fixture.engine)
        let all = try await content.render("compare_costs", [:], context(fixture))
        #expect(all.contains("| \(uuid) | broken | Failure | 1 |") && all.contains("0.02"))
        _ = await fixture.admin(.post, "/faults", ["path": "/credits", "status": 403])
        let one = try await content.render("compare_costs", ["task_uuids": uuid], context(fixture))
        #expect(one.contains("unknown"))
        await fixture.stop()
    }

    @Test func `a container prompt carries its arguments, and lacks none`() async throws {
        let fixture = try EngineFixture()
        let content = QarnotContent(fixture.engine)
        let arguments = ["image": "library/python:3.12", "command": "python \"x\".py", "input_bucket": "in"]
        let text = try await content.render("run_docker_batch", arguments, context(fixture))
        #expect(text.contains(#""python \"x\".py""#) && text.contains("submit_task") && text.contains("\"in\""))
        do {
            _ = try await content.render("run_docker_batch", ["image": "x"], context(fixture))
            Issue.record("rendered")
        } catch {
            #expect(error.code == "invalid_arguments" && error.message.contains("command"))
        }
        #expect(await fixture.requests() == [])
        await fixture.stop()
    }

    @Test func `content needs the class read and a key, and does not show the key`() async throws {
        let fixture = try EngineFixture()
        let content = QarnotContent(fixture.engine)
        let uuid = try await submitted(
            fixture,
            ["name": "t", "profile": "docker-batch", "constants": [["key": "DOCKER_CMD", "value": .string(EngineFixture.token)]]])
        #expect(try await content.read("qarnot://tasks/\(uuid)/stdout", context(fixture)).text.contains("$ [REDACTED]\n"))
        for uri in ["qarnot://tasks/\(uuid)", "qarnot://profiles/none"] {
            do { _ = try await content.read(uri, context(fixture, nil)) } catch { #expect(error.code == "forbidden") }
        }
        let keyless = try EngineFixture(key: nil)
        do { _ = try await QarnotContent(keyless.engine).list(context(keyless)) } catch { #expect(error.code == "key_missing") }
        let wrong = try EngineFixture(key: "not-a-known-token")
        do { _ = try await QarnotContent(wrong.engine).list(context(wrong)) } catch {
            #expect(error.code == "qarnot_token_rejected")
        }
        #expect(wrong.keys.said == ["rejected"])
        for each in [fixture, keyless, wrong] { await each.stop() }
    }
}
