import HTTP
import Primitives
import QarnotSimulator
import Testing

@Suite struct SimulatedTaskTests {
    @Test func `a task passes every state in order and ends in success`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit()
        var states = [await fixture.state(of: uuid)]
        var progress: [Double] = []
        for _ in 0..<14 {
            fixture.clock.advance(.milliseconds(100))
            let task = await fixture.rest(.get, "/tasks/\(uuid)").json
            progress.append(task["progress"]?.double ?? -1)
            if task["state"]?.string != states.last { states.append(task["state"]?.string ?? "") }
        }
        #expect(states == ["Submitted", "FullyDispatched", "FullyExecuting", "UploadingResults", "Success"])
        #expect(progress == progress.sorted() && progress.last == 100 && progress[11] < 100)
    }

    @Test func `standard output begins with the command and only grows`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit([("instanceCount", 2), ("constants", [["key": "DOCKER_CMD", "value": "echo hello"]])])
        #expect(await fixture.rest(.get, "/tasks/\(uuid)/stdout").text == "")
        var last = ""
        for _ in 0..<14 {
            fixture.clock.advance(.milliseconds(100))
            let text = await fixture.rest(.get, "/tasks/\(uuid)/stdout").text
            #expect(text.hasPrefix(last))
            last = text
        }
        #expect(last.hasPrefix("[instance 0] $ echo hello\n[instance 1] $ echo hello\n") && last.count > 60)
        #expect(await fixture.rest(.get, "/tasks/\(uuid)/stdout/1").text.hasPrefix("[instance 1] $ echo hello\n"))
        #expect(await fixture.rest(.get, "/tasks/\(uuid)/stdout/2").status == 404)
    }

    @Test func `POST hands out new output once, GET moves nothing`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit()
        fixture.clock.advance(.milliseconds(500))
        let all = await fixture.rest(.get, "/tasks/\(uuid)/stdout").text
        #expect(await fixture.rest(.post, "/tasks/\(uuid)/stdout").text == all)
        #expect(await fixture.rest(.post, "/tasks/\(uuid)/stdout").text == "")
        fixture.clock.advance(.seconds(5))
        let new = await fixture.rest(.post, "/tasks/\(uuid)/stdout").text
        #expect(await fixture.rest(.get, "/tasks/\(uuid)/stdout").text == all + new && !new.isEmpty)
        #expect(await fixture.rest(.post, "/tasks/\(uuid)/stdout/0").text == all + new)
    }

    @Test func `SIM_DURATION_MS and SIM_OUTCOME rule the run`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit([
            ("constants", [["key": "SIM_DURATION_MS", "value": "10000"], ["key": "SIM_OUTCOME", "value": "failure"]])
        ])
        fixture.clock.advance(.seconds(10))
        #expect(await fixture.state(of: uuid) == "FullyExecuting")
        fixture.clock.advance(.seconds(1))
        let task = await fixture.rest(.get, "/tasks/\(uuid)").json
        #expect(task["state"] == "Failure" && task["errors"]?.array?.count == 1 && task["status"]?["failedRange"] == "0")
        #expect(await fixture.rest(.get, "/tasks/\(uuid)/stderr").text == "[instance 0] exited with code 1\n")
    }

    @Test func `secret constants come back masked and survive an update`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit([("constants", [["key": "QARNOT_SECRET__P", "value": "hunter2"]])])
        let task = await fixture.rest(.get, "/tasks/\(uuid)")
        #expect(!task.text.contains("hunter2") && task.json["constants"]?.array?.first?["value"] == "[SECRET]")
        #expect(
            await fixture.rest(.put, "/tasks/\(uuid)", ["tags": ["a"], "constants": task.json["constants"] ?? []]).status == 200)
        #expect(await fixture.rest(.get, "/tasks/\(uuid)").json["tags"] == ["a"])
    }

    @Test func `abort cancels after a while, and only what runs`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit()
        #expect(await fixture.rest(.post, "/tasks/\(uuid)/abort").status == 200)
        #expect(await fixture.state(of: uuid) == "PendingCancel")
        fixture.clock.advance(.seconds(1))
        #expect(await fixture.state(of: uuid) == "Cancelled")
        let again = await fixture.rest(.post, "/tasks/\(uuid)/abort")
        #expect(again.status == 403 && again.json == ["message": "Task is not running"])
    }

    @Test(
        arguments: [
            ([("name", "")], 400, "Invalid task file. Invalid fields: name"),
            ([("instanceCount", 0)], 400, "Invalid task file. Invalid fields: instanceCount"),
            ([("profile", "nope")], 403, "Profile not available: nope"),
            ([("resourceBuckets", ["none-such"])], 404, "No such bucket: none-such"),
            ([("poolUuid", "no-pool"), ("profile", nil)], 400, "No such pool: no-pool"),
            ([("shortname", "-x")], 400, "Invalid task file. Invalid fields: shortname"),
            ([("constants", [["key": "a b", "value": "v"]])], 400, "Invalid task file. Invalid fields: constants"),
            ([("advancedRanges", "3-1")], 400, "Invalid task file. Invalid fields: advancedRanges"),
        ] as [([(String, JSONValue)], UInt16, String)])
    func `a wrong submission is refused with its reason`(_ changes: [(String, JSONValue)], _ status: UInt16, _ message: String)
        async
    {
        let order = JSONObject([("name", "t"), ("profile", "docker-batch"), ("instanceCount", 1)] + changes)
        let reply = await SimulatorFixture().rest(.post, "/tasks", .object(order))
        #expect(reply.status == status && reply.json["message"]?.string == message)
    }

    @Test func `a quota ends submissions with the text clients look for`() async {
        var limits = Limits()
        limits.tasks = 1
        let fixture = SimulatorFixture(limits: limits)
        _ = await fixture.submit()
        let reply = await fixture.rest(.post, "/tasks", ["name": "t", "profile": "docker-batch", "instanceCount": 1])
        #expect(reply.status == 403 && reply.json["message"] == "Maximum number of tasks reached")
    }

    @Test func `several at once answer for each`() async {
        let fixture = SimulatorFixture()
        let good: JSONValue = ["name": "t", "profile": "docker-batch", "instanceCount": 1]
        #expect(await fixture.rest(.post, "/tasks", [good, good]).status == 200)
        let mixed = await fixture.rest(.post, "/tasks", [good, [:]])
        #expect(mixed.status == 207 && mixed.json.array?.map { $0["statusCode"] } == [200, 400])
    }

    @Test func `keys are read in any case, and the version prefix and a last slash are optional`() async {
        let fixture = SimulatorFixture()
        let reply = await fixture.rest(.post, "/v1/tasks/", ["Name": "t", "Profile": "docker-batch", "InstanceCount": 1])
        let uuid = reply.json["uuid"]?.string ?? ""
        #expect(await fixture.rest(.get, "/v1/tasks/\(uuid)").status == 200)
    }

    @Test(arguments: [nil, "Bearer sim-token-alice", "sim-token-carol", ""] as [String?])
    func `anything but a bare known token is unauthorized`(_ token: String?) async {
        let fixture = SimulatorFixture()
        let reply = await fixture.rest(.get, "/info", token: token)
        #expect(reply.status == 401 && reply.json == ["message": "Unauthorized"])
        #expect(await fixture.rest(.get, "/settings", token: token).json == ["storage": "http://127.0.0.1:28781"])
    }

    @Test func `accounts do not see each other's tasks`() async {
        let fixture = SimulatorFixture()
        let uuid = await fixture.submit()
        #expect(await fixture.rest(.get, "/tasks/\(uuid)", token: "sim-token-bob").status == 404)
        #expect(await fixture.rest(.delete, "/tasks/\(uuid)", token: "sim-token-bob").status == 404)
        #expect(await fixture.rest(.get, "/tasks", token: "sim-token-bob").json == [])
    }

    @Test func `a dependent task waits for the other`() async {
        let fixture = SimulatorFixture()
        let job = await fixture.rest(.post, "/jobs/", ["name": "j", "useDependencies": true]).json["uuid"] ?? .null
        let first = await fixture.submit([("jobUuid", job)])
        let second = await fixture.submit([("jobUuid", job), ("dependencies", ["dependsOn": [.string(first)]])])
        fixture.clock.advance(.milliseconds(1300))
        #expect(await fixture.state(of: first) == "Success")
        #expect(await fixture.state(of: second) == "Submitted")
        fixture.clock.advance(.milliseconds(1300))
        #expect(await fixture.state(of: second) == "Success")
    }
}

@Suite struct PagingTests {
    @Test(arguments: ["ASC", "DESC"])
    func `pages cover every task once, whatever is added or deleted between them`(_ order: String) async {
        let fixture = SimulatorFixture()
        var uuids: [String] = []
        for _ in 0..<5 { uuids.append(await fixture.submit()) }
        var seen: [String] = []
        var token: JSONValue = .null
        repeat {
            let page = await fixture.rest(
                .post, "/tasks/paginate",
                ["maximumResults": 2, "token": token, "orderBy": "creationDate", "orderType": .string(order)]
            ).json
            seen += page["data"]?.array?.compactMap { $0["uuid"]?.string } ?? []
            token = page["nextToken"] ?? .null
            if seen.count == 2 { _ = await fixture.rest(.delete, "/tasks/\(seen[0])") }
        } while !token.isNull
        #expect(seen == (order == "ASC" ? uuids : uuids.reversed()))
    }

    @Test(
        arguments: [
            (["operator": "Equal", "field": "Tags", "value": "b"], ["2", "3"]),
            (["operator": "NotEqual", "field": "tags", "value": "b"], ["1"]),
            (["operator": "In", "field": "Name", "values": ["1", "3"]], ["1", "3"]),
            (["operator": "NotIn", "field": "Name", "value": ["1", "3"]], ["2"]),
            (["operator": "Like", "field": "Name", "value": "%2%"], ["2"]),
            (["operator": "GreaterThan", "field": "InstanceCount", "value": 1], ["2", "3"]),
            (["operator": "LessThanOrEqual", "field": "InstanceCount", "value": 2], ["1", "2"]),
            (
                [
                    "operator": "And",
                    "filters": [
                        ["operator": "Equal", "field": "Tags", "value": "b"], ["operator": "Equal", "field": "Name", "value": "3"],
                    ],
                ], ["3"]
            ),
            (
                [
                    "operator": "Or",
                    "filters": [
                        ["operator": "Equal", "field": "Name", "value": "1"], ["operator": "Equal", "field": "Name", "value": "3"],
                    ],
                ], ["1", "3"]
            ),
        ] as [(JSONValue, [String])])
    func `every operator filters`(_ filter: JSONValue, _ names: [String]) async {
        let fixture = SimulatorFixture()
        _ = await fixture.submit([("name", "1"), ("tags", ["a"]), ("instanceCount", 1)])
        _ = await fixture.submit([("name", "2"), ("tags", ["a", "b"]), ("instanceCount", 2)])
        _ = await fixture.submit([("name", "3"), ("tags", ["b"]), ("instanceCount", 3)])
        for path in ["/tasks/paginate", "/tasks/summaries/paginate"] {
            let page = await fixture.rest(.post, path, ["filter": filter]).json
            #expect(page["data"]?.array?.compactMap { $0["name"]?.string } == names)
        }
        #expect(await fixture.rest(.post, "/tasks/search", ["filter": filter]).json.array?.count == names.count)
    }
}

@Suite struct AdminTests {
    @Test func `a fault fails as often as asked, and the journal tells`() async {
        let fixture = SimulatorFixture()
        #expect(
            await fixture.admin(.post, "/faults", ["path": "/tasks", "method": "POST", "status": 503, "count": 1, "after": true])
                .status == 201)
        let order: JSONValue = ["name": "t", "profile": "docker-batch", "instanceCount": 1]
        #expect(await fixture.rest(.post, "/tasks", order).status == 503)
        #expect(await fixture.rest(.get, "/tasks").json.array?.count == 1)
        #expect(await fixture.rest(.post, "/tasks", order).status == 200)
        let journal = await fixture.admin(.get, "/requests").json
        #expect(journal["requests"]?.array?.count == 3 && journal["requests"]?.array?.first?["account"] == "alice@example.com")
    }

    @Test func `an account can be added`() async {
        let fixture = SimulatorFixture()
        #expect(await fixture.admin(.post, "/accounts", ["token": "t-3", "email": "carol@example.com"]).status == 201)
        #expect(await fixture.rest(.get, "/info", token: "t-3").json["email"] == "carol@example.com")
    }
}
