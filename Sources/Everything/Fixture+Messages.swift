internal import HTTP
internal import MCP
internal import Primitives

/// Tools that say something on their way: progress, log messages, a stream let go of (mcp.md §10.1, §10.2, §10.4).
extension Fixture {
    var messageTools: [Tool] {
        [
            fixtureTool("test_tool_with_progress", "Reports progress three times.") { _, context in
                for value in [0.0, 50, 100] {
                    await context.progress(value, 100, "Completed step \(Int(value)) of 100")
                    try? await context.sleeper.sleep(for: .milliseconds(50))
                }
                return .text("Tool with progress executed successfully")
            },
            fixtureTool("test_tool_with_logging", "Logs three times.") { _, context in
                for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                    context.log(.info, .string(text))
                    try? await context.sleeper.sleep(for: .milliseconds(50))
                }
                return .text("Tool with logging executed successfully")
            },
            fixtureTool("test_logging_tool", "Logs once, for those who asked for it.") { _, context in
                context.log(.info, "Diagnostic message of test_logging_tool")
                return .text("Logging evaluated")
            },
            fixtureTool("test_streaming_elicitation", "Asks for a name while its answer is a stream.") { _, context in
                await context.progress(0, 1, "Asking")
                guard let name = context.acceptedForm("user_name", nameSchema)?["name"]?.string else {
                    if context.isDeclined("user_name") { return .text("No name was given.") }
                    return .needs(InputNeed([("user_name", .form("What is your name?", schema: nameSchema))]))
                }
                return .text("Hello, \(name)!")
            },
            fixtureTool("test_reconnection", "Lets go of the connection, then ends.") { _, context in
                context.pauseStream(retryAfter: .milliseconds(500))
                try? await context.sleeper.sleep(for: .milliseconds(100))
                return .text("Reconnection test completed successfully.")
            },
        ]
    }
}
