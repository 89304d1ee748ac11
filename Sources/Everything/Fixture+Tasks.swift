internal import HTTP
internal import MCP
internal import Primitives

/// Tools that become tasks (mcp.md §10.4).
extension Fixture {
    var taskTools: [Tool] {
        [greet, slowCompute, failingJob, protocolErrorJob, confirmDelete, multiInput, taskAfterQuestion]
    }

    private var greet: Tool {
        fixtureTool(
            "greet", "Greets; never a task.",
            input: ["type": "object", "properties": ["name": ["type": "string"]], "required": ["name"]], isLocal: true
        ) { arguments, _ in
            guard let name = arguments["name"]?.string else { return .failure("The argument name must be a string.") }
            return .text("Hello, \(name)!")
        }
    }

    private var slowCompute: Tool {
        fixtureTool(
            "slow_compute", "Waits, then has a result.",
            input: [
                "type": "object",
                "properties": [
                    "seconds": ["type": "number", "minimum": 0, "maximum": 600], "label": ["type": "string"],
                ],
                "required": ["seconds"],
            ], tasks: .optional
        ) { arguments, context in
            guard let seconds = arguments["seconds"]?.double, (0...600).contains(seconds) else {
                return .failure("The argument seconds must be a number from 0 to 600.")
            }
            let done = ToolResult.text("Computed \(arguments["label"]?.string ?? "it") in \(seconds) s")
            guard seconds > 0 else { return done }
            guard context.mayBecomeTask else {
                try? await context.sleeper.sleep(for: .seconds(seconds))
                return done
            }
            return .task(
                TaskWork { task in
                    try? await task.sleeper.sleep(for: .seconds(seconds))
                    return .completed(done)
                })
        }
    }

    private var failingJob: Tool {
        fixtureTool("failing_job", "Fails after a second; always a task.", tasks: .required) { _, _ in
            .task(
                TaskWork { task in
                    try? await task.sleeper.sleep(for: .milliseconds(950))
                    return .completed(.failure("The job failed on purpose."))
                })
        }
    }

    private var protocolErrorJob: Tool {
        fixtureTool("protocol_error_job", "Breaks in an error of the protocol.", tasks: .optional) { _, context in
            let error = RPCError(.internalError, "The job broke on purpose.")
            guard context.mayBecomeTask else { return .refused(error) }
            return .task(TaskWork { _ in .failed(error) })
        }
    }

    private static let confirmSchema: JSONValue = [
        "type": "object", "properties": ["confirm": ["type": "boolean"]], "required": ["confirm"],
    ]

    private var confirmDelete: Tool {
        fixtureTool(
            "confirm_delete", "Asks before it pretends to delete.",
            input: ["type": "object", "properties": ["filename": ["type": "string"]], "required": ["filename"]], tasks: .optional
        ) { arguments, context in
            guard let name = arguments["filename"]?.string else { return .failure("The argument filename must be a string.") }
            let question = InputRequest.form("Delete \(name)?", schema: Self.confirmSchema)
            let end: @Sendable (JSONValue?) -> ToolResult = { answer in
                answer?["content"]?["confirm"] == true ? .text("Deleted \(name)") : .text("Kept \(name)")
            }
            if context.mayBecomeTask {
                return .task(
                    TaskWork { task in
                        guard let answers = await task.ask([("confirm", question)]) else {
                            return .completed(.text("Kept \(name)"))
                        }
                        return .completed(end(answers["confirm"]))
                    })
            }
            guard context.answers["confirm"]?["action"] != nil else { return .needs(InputNeed([("confirm", question)])) }
            return end(context.answers["confirm"])
        }
    }

    private var multiInput: Tool {
        fixtureTool("multi_input", "Asks two questions at once.", tasks: .optional) { _, context in
            let questions: [(key: String, request: InputRequest)] = [
                ("first_name", .form("What is your name?", schema: nameSchema)),
                ("confirmation", .form("Is that right?", schema: Self.confirmSchema)),
            ]
            if context.mayBecomeTask {
                return .task(
                    TaskWork { task in
                        guard let answers = await task.ask(questions) else { return .completed(.text("Nothing was answered.")) }
                        return .completed(.text("Answered: \(answers.keys.joined(separator: ", "))"))
                    })
            }
            guard questions.allSatisfy({ context.answers[$0.key] != nil }) else { return .needs(InputNeed(questions)) }
            return .text("Answered: \(questions.map(\.key).joined(separator: ", "))")
        }
    }

    private var taskAfterQuestion: Tool {
        fixtureTool("test_tool_with_task", "Asks for a name, then greets in a task.", tasks: .required) { _, context in
            guard let name = context.acceptedForm("user_name", nameSchema)?["name"]?.string else { return Self.askName() }
            return .task(
                TaskWork { task in
                    try? await task.sleeper.sleep(for: .milliseconds(200))
                    return .completed(.text("Hello, \(name)! This comes from a task."))
                })
        }
    }
}
