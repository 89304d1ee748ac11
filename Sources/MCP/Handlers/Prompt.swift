package import Primitives

/// A prompt: what `prompts/list` tells of it and the messages it gives.
package struct Prompt: Sendable {
    package struct Argument: Sendable {
        package let name: String
        package let description: String
        package let isRequired: Bool

        package init(_ name: String, _ description: String, isRequired: Bool = true) {
            self.name = name
            self.description = description
            self.isRequired = isRequired
        }
    }

    package let name: String
    package let title: String
    package let description: String
    package let arguments: [Argument]
    /// False leaves it out of the list; it can still be got.
    package let isListed: @Sendable () -> Bool
    /// Gives the messages, or asks. Required arguments are there and strings.
    package let run: @Sendable (JSONObject, ToolContext) async -> Outcome

    package enum Outcome: Sendable {
        /// Each an object `{role, content}`.
        case messages([JSONValue])
        case needs(InputNeed)
    }

    package init(
        name: String, title: String, description: String, arguments: [Argument] = [],
        isListed: @escaping @Sendable () -> Bool = { true },
        run: @escaping @Sendable (JSONObject, ToolContext) async -> Outcome
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.arguments = arguments
        self.isListed = isListed
        self.run = run
    }

    /// The prompt object of `prompts/list`.
    var listing: JSONValue {
        var object = JSONObject([("name", .string(name)), ("title", .string(title)), ("description", .string(description))])
        if !arguments.isEmpty {
            object.append(
                "arguments",
                .array(
                    arguments.map {
                        ["name": .string($0.name), "description": .string($0.description), "required": .bool($0.isRequired)]
                    }))
        }
        return .object(object)
    }

    /// What is wrong with the arguments of a request, in words for its sender.
    func problem(with given: JSONObject) -> String? {
        for argument in arguments where argument.isRequired && given[argument.name] == nil {
            return "The argument \(argument.name) of the prompt \(name) is missing."
        }
        for member in given.members where member.value.string == nil { return "The argument \(member.key) must be a string." }
        return nil
    }
}
