package import Primitives

/// Reads one entry of `inputResponses`, which is whatever a client sent.
extension ToolContext {
    /// The content of an accepted form. Nil when the answer is missing, of a wrong shape, or no acceptance.
    /// - Parameter schema: what was asked for.
    package func acceptedForm(_ key: String, _ schema: JSONValue) -> JSONObject? {
        guard let answer = answers[key], answer["action"] == "accept", let content = answer["content"]?.object,
            FormSchema.accepts(content, schema)
        else { return nil }
        return content
    }

    /// True when the person said no, or closed the question.
    package func isDeclined(_ key: String) -> Bool { ["decline", "cancel"].contains(answers[key]?["action"]?.string) }

    /// The text of a sampled message; nil unless the answer is one.
    package func sampledText(_ key: String) -> String? {
        guard let content = answers[key]?["content"] else { return nil }
        let blocks = content.array ?? [content]
        let texts = blocks.compactMap { $0["text"]?.string }
        return texts.isEmpty ? nil : texts.joined(separator: "\n")
    }

    /// The roots of the client; nil unless the answer has them.
    package func roots(_ key: String) -> [JSONValue]? { answers[key]?["roots"]?.array }
}
