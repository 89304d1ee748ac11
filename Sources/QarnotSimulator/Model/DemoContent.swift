internal import Primitives

/// What a new account of `gatehouse dev` holds, so that there is something to look at: finished tasks, their results, an input.
extension SimulatedQarnot {
    /// Adds the demonstration's tasks and files to an account. They are an hour old.
    package func addDemoContent(email: String) {
        _ = world.withAccount(email: email) { account, moment in
            account.addDemoContent(moment)
            account.advance(to: moment)
            return .done
        }
    }
}

extension AccountState {
    fileprivate mutating func addDemoContent(_ moment: Moment) {
        let start = moment.now - .seconds(3600)
        var input = Bucket(created: start)
        let text = Array("Files here can be given to tasks as input: resource_buckets takes the name of this bucket.\n".utf8)
        input.put(StoredObject(bytes: text, etag: StoredObject.etag(of: text), modified: start), at: "README.txt")
        buckets["demo-input"] = input
        let tasks: [(name: String, command: String, instances: Int, more: [(String, JSONValue)], minutes: Int)] = [
            ("demo-hello", "echo hello from instance ${INSTANCE_ID}", 2, [("resultBucket", "demo-results")], 0),
            (
                "demo-render", "python render.py --frame ${INSTANCE_ID}", 4,
                [("resultBucket", "demo-results"), ("resultsBucketPrefix", "render/")], 10
            ),
            ("demo-broken", "python train.py --epochs 3", 1, [], 25),
        ]
        for task in tasks {
            var constants: [JSONValue] = [
                ["key": "DOCKER_REPO", "value": "library/python"], ["key": "DOCKER_TAG", "value": "3.12"],
                ["key": "DOCKER_CMD", "value": .string(task.command)], ["key": "SIM_DURATION_MS", "value": "90000"],
            ]
            if task.name == "demo-broken" { constants.append(["key": "SIM_OUTCOME", "value": "failure"]) }
            let order: [(String, JSONValue)] = [
                ("name", .string(task.name)), ("shortname", .string(task.name)), ("profile", "docker-batch"),
                ("instanceCount", .int(task.instances)), ("tags", ["demo"]), ("constants", .array(constants)),
            ]
            let json = LooseJSON(.object(JSONObject(order + task.more)))
            guard let submission = try? TaskSubmission(json, moment.limits) else { continue }
            _ = add(
                submission.order, constants: submission.constants, tags: submission.tags, at: start + .seconds(task.minutes * 60))
        }
    }
}
