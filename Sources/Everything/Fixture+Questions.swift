internal import MCP
internal import Primitives

/// A form with one name.
let nameSchema: JSONValue = [
    "type": "object", "properties": ["name": ["type": "string", "description": "A name."]], "required": ["name"],
]

/// Tools that ask the client, named by the scenarios of the handshake era; they serve both (mcp.md §10.1, §10.2).
extension Fixture {
    var questionTools: [Tool] {
        [sampling, elicitation, elicitationDefaults, elicitationEnums, elicitationURL, missingCapability]
    }

    private static func textInput(_ name: String, _ description: String) -> JSONValue {
        let property: JSONValue = ["type": "string", "description": .string(description)]
        return ["type": "object", "properties": .object(JSONObject([(name, property)])), "required": [.string(name)]]
    }

    /// One user message for the client's model.
    static func samplingParams(_ prompt: String) -> JSONValue {
        ["messages": [["role": "user", "content": ["type": "text", "text": .string(prompt)]]], "maxTokens": 100]
    }

    private var sampling: Tool {
        fixtureTool("test_sampling", "Asks the client's model.", input: Self.textInput("prompt", "What to ask it.")) {
            arguments, context in
            guard let prompt = arguments["prompt"]?.string else { return .failure("The argument prompt must be a string.") }
            guard let text = context.sampledText("answer") else {
                return .needs(InputNeed([("answer", .sampling(Self.samplingParams(prompt)))]))
            }
            return .text("LLM response: \(text)")
        }
    }

    private var elicitation: Tool {
        fixtureTool("test_elicitation", "Asks for a name and an address.", input: Self.textInput("message", "What to ask.")) {
            arguments, context in
            guard let message = arguments["message"]?.string else { return .failure("The argument message must be a string.") }
            let schema: JSONValue = [
                "type": "object",
                "properties": [
                    "username": ["type": "string", "description": "User's response"],
                    "email": ["type": "string", "description": "User's email address"],
                ],
                "required": ["username", "email"],
            ]
            guard let answer = context.answers["answer"], let action = answer["action"]?.string else {
                return .needs(InputNeed([("answer", .form(message, schema: schema))]))
            }
            return .text("User response: <action: \(action), content: \((answer["content"] ?? [:]).text)>")
        }
    }

    /// Asks one form and repeats the answer.
    private static func repeatingForm(_ name: String, _ description: String, _ message: String, _ properties: JSONValue) -> Tool {
        fixtureTool(name, description) { _, context in
            guard let answer = context.answers["answer"], let action = answer["action"]?.string else {
                let schema: JSONValue = ["type": "object", "properties": properties, "required": []]
                return .needs(InputNeed([("answer", .form(message, schema: schema))]))
            }
            return .text("Elicitation completed: action=\(action), content=\((answer["content"] ?? [:]).text)")
        }
    }

    private var elicitationDefaults: Tool {
        Self.repeatingForm(
            "test_elicitation_sep1034_defaults", "Asks a form with defaults.", "Please review and update the form fields",
            [
                "name": ["type": "string", "description": "User name", "default": "John Doe"],
                "age": ["type": "integer", "description": "User age", "default": 30],
                "score": ["type": "number", "description": "User score", "default": 95.5],
                "status": [
                    "type": "string", "description": "User status", "enum": ["active", "inactive", "pending"], "default": "active",
                ],
                "verified": ["type": "boolean", "description": "Verification status", "default": true],
            ])
    }

    private var elicitationEnums: Tool {
        let titled: JSONValue = [
            ["const": "value1", "title": "First Option"], ["const": "value2", "title": "Second Option"],
            ["const": "value3", "title": "Third Option"],
        ]
        return Self.repeatingForm(
            "test_elicitation_sep1330_enums", "Asks a form with every kind of choice.", "Please select options from the fields",
            [
                "untitledSingle": ["type": "string", "description": "One of them", "enum": ["option1", "option2", "option3"]],
                "titledSingle": ["type": "string", "description": "One of them, with titles", "oneOf": titled],
                "legacyEnum": [
                    "type": "string", "description": "One of them, titles as they once were", "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                ],
                "untitledMulti": [
                    "type": "array", "description": "Some of them", "minItems": 1, "maxItems": 3,
                    "items": ["type": "string", "enum": ["option1", "option2", "option3"]],
                ],
                "titledMulti": [
                    "type": "array", "description": "Some of them, with titles", "minItems": 1, "maxItems": 3,
                    "items": ["anyOf": titled],
                ],
            ])
    }

    private var elicitationURL: Tool {
        fixtureTool("test_elicitation_url", "Asks the person to open a page.") { _, context in
            guard let action = context.answers["page"]?["action"]?.string else {
                return .needs(
                    InputNeed([
                        ("page", .url("Please open this page.", url: "https://example.com/consent", id: "everything-page-1"))
                    ]))
            }
            return .text("Page answered: action=\(action)")
        }
    }

    private var missingCapability: Tool {
        fixtureTool("test_missing_capability", "Works only with a client that samples.") { _, context in
            guard let text = context.sampledText("answer") else {
                return .needs(InputNeed([("answer", .sampling(Self.samplingParams("Say something.")))]))
            }
            return .text("Sampled: \(text)")
        }
    }
}
