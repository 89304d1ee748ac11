package import MCP
internal import Primitives

/// The content as features of an MCP endpoint.
extension QarnotContent {
    package var mcpTemplates: [ResourceTemplate] {
        Self.templates.map { template in
            ResourceTemplate(
                uriTemplate: template.uri, name: template.name, title: template.title, description: template.description,
                mimeType: template.mimeType
            ) { uri, _, context in
                guard let text = try? await read(uri, context) else { return nil }
                return [["uri": .string(text.uri), "mimeType": .string(text.mimeType), "text": .string(text.text)]]
            }
        }
    }

    /// The caller's own tasks; nil when Qarnot does not list them, or there is no key.
    package func ownResources(_ context: ToolContext, _ place: String?) async -> ResourcePage? {
        try? await list(context, from: place)
    }

    package var mcpPrompts: [Prompt] {
        Self.prompts.map { entry in
            Prompt(
                name: entry.name, title: entry.title, description: entry.description,
                arguments: entry.arguments.map { Prompt.Argument($0.name, $0.description, isRequired: $0.isRequired) }
            ) { arguments, context in
                let values = Dictionary(
                    arguments.members.compactMap { member in member.value.string.map { (member.key, $0) } },
                    uniquingKeysWith: { first, _ in first })
                let text: String
                // A prompt has no error of its own: what went wrong is told to the model, with the remedy.
                do throws(Failure) { text = try await render(entry.name, values, context) } catch { text = error.message }
                return .messages([["role": "user", "content": ["type": "text", "text": .string(text)]]])
            }
        }
    }

    /// Values for arguments of prompts and variables of templates; nil for what is none of ours.
    package func complete(_ question: CompletionQuestion) async -> [String]? {
        let isKnown =
            switch question.reference {
            case .prompt(let name): Self.prompts.contains { $0.name == name }
            case .resource(let uri): Self.templates.contains { $0.uri == uri }
            }
        guard isKnown else { return nil }
        return (try? await complete(question.argument, question.value, question.context)) ?? []
    }
}
