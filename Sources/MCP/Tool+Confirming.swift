internal import Primitives

extension Tool {
    private static let question = "confirmation"
    private static let form: JSONValue = [
        "type": "object",
        "properties": [
            "confirm": ["type": "boolean", "title": "Go ahead", "description": "It cannot be undone.", "default": false]
        ],
        "required": ["confirm"],
    ]

    /// The same tool, which asks the person before it runs. Where its client cannot show a question nothing runs, and the refusal
    /// says how to proceed. A consent is for one call with these arguments, once.
    package var confirming: Tool {
        let (title, run) = (self.title, self.run)
        return replacingRun(isLocal: false) { arguments, context in
            guard context.client.contains(.elicitationForm) else { return Self.cannotAsk(title) }
            if context.isDeclined(Self.question) { return .failure("Not confirmed, so nothing was done.") }
            guard let form = context.acceptedForm(Self.question, Self.form), context.state == "asked" else {
                return .needs(Self.ask(title, arguments))
            }
            guard form["confirm"] == true else { return .failure("Not confirmed, so nothing was done.") }
            return await run(arguments, context)
        }
    }

    private static func ask(_ title: String, _ arguments: JSONObject) -> InputNeed {
        // What is about to happen in the words of the call itself; the model may have said something else.
        let shown = String(JSONValue.object(arguments).text.prefix(500))
        return InputNeed(
            [(question, .form("\(title)? This may destroy something. Arguments: \(shown)", schema: form))], state: "asked",
            isSingleUse: true)
    }

    private static func cannotAsk(_ title: String) -> ToolResult {
        .failure(
            "\"\(title)\" may destroy something, and this gateway asks before that; your client cannot show its question, so nothing "
                + "was done. Use a client that supports elicitation, or ask the administrator to set confirm: off.")
    }

    /// The same tool, which goes on as a task for clients that want one. Made for tools that wait: what a task reports on its way
    /// becomes its status message.
    package var runningAsTask: Tool {
        let run = self.run
        return replacingRun(taskSupport: .optional, isLocal: false) { arguments, context in
            guard context.mayBecomeTask else { return await run(arguments, context) }
            return .task(
                TaskWork(pollInterval: 2000) { task in
                    let inner = ToolContext(
                        caller: context.caller, requestID: context.requestID, sleeper: context.sleeper,
                        progress: { value, total, message in
                            let amount = total.map { "\(Int(value)) of \(Int($0))" } ?? "\(value)"
                            task.note(message.map { "\($0), \(amount)" } ?? amount)
                        })
                    return .completed(await run(arguments, inner))
                })
        }
    }

    private func replacingRun(
        taskSupport: TaskSupport? = nil, isLocal: Bool, _ run: @escaping @Sendable (JSONObject, ToolContext) async -> ToolResult
    ) -> Tool {
        Tool(
            name: name, aliases: aliases, title: title, description: description, inputSchema: inputSchema,
            outputSchema: outputSchema,
            annotations: annotations, icons: icons, meta: meta, taskSupport: taskSupport ?? self.taskSupport,
            permission: permission,
            isLocal: isLocal, run: run)
    }
}
