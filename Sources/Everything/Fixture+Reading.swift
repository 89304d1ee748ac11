internal import MCP
internal import Primitives

/// Prompts and resources (mcp.md §10.1, §10.3).
extension Fixture {
    private static func user(_ content: JSONValue) -> JSONValue { ["role": "user", "content": content] }
    private static func user(_ text: String) -> JSONValue { user(["type": "text", "text": .string(text)]) }

    private static let contextSchema: JSONValue = [
        "type": "object", "properties": ["context": ["type": "string"]], "required": ["context"],
    ]

    var prompts: [Prompt] {
        [
            Prompt(name: "test_simple_prompt", title: "Simple prompt", description: "One message without arguments.") { _, _ in
                .messages([Self.user("This is a simple prompt for testing.")])
            },
            Prompt(
                name: "test_prompt_with_arguments", title: "Prompt with arguments", description: "Repeats its arguments.",
                arguments: [.init("arg1", "First test argument"), .init("arg2", "Second test argument")]
            ) { arguments, _ in
                let (first, second) = (arguments["arg1"]?.string ?? "", arguments["arg2"]?.string ?? "")
                return .messages([Self.user("Prompt with arguments: arg1='\(first)', arg2='\(second)'")])
            },
            Prompt(
                name: "test_prompt_with_embedded_resource", title: "Prompt with a resource", description: "Embeds a resource.",
                arguments: [.init("resourceUri", "URI of the resource to embed")]
            ) { arguments, _ in
                let resource: JSONValue = [
                    "uri": arguments["resourceUri"] ?? "", "mimeType": "text/plain",
                    "text": "Embedded resource content for testing.",
                ]
                return .messages([
                    Self.user(["type": "resource", "resource": resource]), Self.user("Please process the embedded resource above."),
                ])
            },
            Prompt(name: "test_prompt_with_image", title: "Prompt with a picture", description: "Shows a picture.") { _, _ in
                .messages([
                    Self.user(["type": "image", "data": .string(Samples.png), "mimeType": "image/png"]),
                    Self.user("Please analyze the image above."),
                ])
            },
            Prompt(
                name: "test_input_required_result_prompt", title: "Prompt with a question", description: "Asks for its context."
            ) { _, context in
                guard let text = context.acceptedForm("user_context", Self.contextSchema)?["context"]?.string else {
                    return .needs(
                        InputNeed([("user_context", .form("What context should the prompt use?", schema: Self.contextSchema))]))
                }
                return .messages([Self.user("Prompt with context: \(text)")])
            },
            Prompt(
                name: "test_extra_prompt", title: "Extra prompt", description: "Comes and goes.",
                isListed: { [switches] in switches.showsExtraPrompt }
            ) { _, _ in .messages([Self.user("Here for now.")]) },
        ]
    }

    var resources: [Resource] {
        [
            text(
                "test://static-text", "static-text", "A text that never changes.",
                "This is the content of the static text resource."),
            Resource(
                uri: "test://static-binary", name: "static-binary", title: "Static picture",
                description: "A picture that never changes.", mimeType: "image/png"
            ) { _ in
                [["uri": "test://static-binary", "mimeType": "image/png", "blob": .string(Samples.png)]]
            },
            text("test://watched-resource", "watched-resource", "A text to subscribe to.", "Watched resource content"),
        ]
    }

    private func text(_ uri: String, _ name: String, _ description: String, _ text: String) -> Resource {
        Resource(uri: uri, name: name, title: name, description: description, mimeType: "text/plain") { _ in
            [["uri": .string(uri), "mimeType": "text/plain", "text": .string(text)]]
        }
    }

    var templates: [ResourceTemplate] {
        [
            ResourceTemplate(
                uriTemplate: "test://template/{id}/data", name: "template", title: "Data of an id",
                description: "Made from its address.", mimeType: "application/json"
            ) { uri, values, _ in
                let id = values["id"] ?? ""
                let data: JSONValue = ["id": .string(id), "templateTest": true, "data": .string("Data for ID: \(id)")]
                return [["uri": .string(uri), "mimeType": "application/json", "text": .string(data.text)]]
            }
        ]
    }
}
