internal import MCP
internal import Primitives

/// Tools of several rounds (mcp.md §10.3).
extension Fixture {
    var roundTools: [Tool] {
        [
            roundTool("elicitation", "Asks for a name.") { context in
                guard let name = context.acceptedForm("user_name", nameSchema)?["name"]?.string else { return Self.askName() }
                return .text("Hello, \(name)!")
            },
            roundTool("sampling", "Asks the client's model.") { context in
                guard let text = context.sampledText("capital_question") else {
                    return .needs(
                        InputNeed([
                            ("capital_question", .sampling(Self.samplingParams("What is the capital of France?")))
                        ]))
                }
                return .text("Sampling result: \(text)")
            },
            roundTool("list_roots", "Asks for the client's roots.") { context in
                guard let roots = context.roots("client_roots") else { return .needs(InputNeed([("client_roots", .roots)])) }
                return .text("Found \(roots.count) root(s)")
            },
            roundTool("request_state", "Asks for a yes, and notes that it did.") { context in
                guard context.acceptedForm("confirm", Self.okSchema) != nil, context.state == "asked" else {
                    return Self.confirm(state: "asked")
                }
                return .text("state-ok: the request state came back unchanged")
            },
            multipleInputs, multiRound,
            roundTool("tampered_state", "Asks for a yes under a state that must not be changed.") { context in
                guard context.state == "sealed", context.acceptedForm("confirm", Self.okSchema) != nil else {
                    return Self.confirm(state: "sealed")
                }
                return .text("integrity-ok: the request state is authentic")
            },
            capabilities,
        ]
    }

    private func roundTool(
        _ name: String, _ description: String, _ run: @escaping @Sendable (ToolContext) async -> ToolResult
    ) -> Tool {
        fixtureTool("test_input_required_result_" + name, description, isLocal: false) { _, context in await run(context) }
    }

    static func askName(_ key: String = "user_name", state: JSONValue? = nil) -> ToolResult {
        .needs(InputNeed([(key, .form("What is your name?", schema: nameSchema))], state: state))
    }

    private static func confirm(state: JSONValue) -> ToolResult {
        .needs(InputNeed([("confirm", .form("Please confirm", schema: okSchema))], state: state))
    }

    private static let okSchema: JSONValue = ["type": "object", "properties": ["ok": ["type": "boolean"]], "required": ["ok"]]
    private static let colorSchema: JSONValue = [
        "type": "object", "properties": ["color": ["type": "string"]], "required": ["color"],
    ]

    private var multipleInputs: Tool {
        roundTool("multiple_inputs", "Asks three questions at once.") { context in
            guard let name = context.acceptedForm("user_name", nameSchema)?["name"]?.string,
                let greeting = context.sampledText("greeting"),
                let roots = context.roots("client_roots")
            else {
                return .needs(
                    InputNeed(
                        [
                            ("user_name", .form("What is your name?", schema: nameSchema)),
                            ("greeting", .sampling(Self.samplingParams("Generate a greeting"))), ("client_roots", .roots),
                        ], state: "three"))
            }
            return .text("Name: \(name); Greeting: \(greeting); Roots: \(roots.count)")
        }
    }

    private var multiRound: Tool {
        roundTool("multi_round", "Asks twice, one after the other.") { context in
            if let name = context.state?["name"]?.string {
                guard let color = context.acceptedForm("step2", Self.colorSchema)?["color"]?.string else {
                    return Self.askColor(name)
                }
                return .text("Multi-round complete for \(name) who likes \(color)")
            }
            guard let name = context.acceptedForm("step1", nameSchema)?["name"]?.string else {
                return Self.askName("step1", state: ["step": 1])
            }
            return Self.askColor(name)
        }
    }

    private static func askColor(_ name: String) -> ToolResult {
        .needs(
            InputNeed([("step2", .form("What is your favorite color?", schema: colorSchema))], state: ["name": .string(name)]))
    }

    /// Asks for whatever the client can, and for nothing else.
    private var capabilities: Tool {
        roundTool("capabilities", "Asks only for what the client declared.") { context in
            var requests: [(key: String, request: InputRequest)] = []
            if context.client.contains(.elicitationForm) {
                requests.append(("user_name", .form("What is your name?", schema: nameSchema)))
            }
            if context.client.contains(.sampling) { requests.append(("sample", .sampling(Self.samplingParams("Sample request")))) }
            if context.client.contains(.roots) { requests.append(("client_roots", .roots)) }
            guard !requests.isEmpty else { return .text("No supported capabilities declared") }
            guard requests.allSatisfy({ context.answers[$0.key] != nil }) else { return .needs(InputNeed(requests)) }
            return .text("capabilities-ok: received \(requests.map(\.key).joined(separator: ","))")
        }
    }
}
