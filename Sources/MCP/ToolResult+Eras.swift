internal import Primitives

extension ToolResult {
    /// What an older revision can read of this result (mcp.md §4.6). The same for results of text and objects.
    func downgraded(for revision: Revision) -> ToolResult {
        var copy = self
        // An object until 2026-07-28; the text block says the rest.
        if let structured, structured.object == nil {
            copy.content = content.map { $0 == .structured ? .text(structured.text) : $0 }
            copy.structured = nil
        }
        guard revision < .june2025 else { return copy }
        copy.content = copy.content.map { block in
            guard case .other(let value) = block, let type = value["type"]?.string else { return block }
            switch type {
            case "resource_link": return .text("\(value["name"]?.string ?? "Resource"): \(value["uri"]?.string ?? "")")
            case "audio" where revision == .november2024:
                return .text("Audio (\(value["mimeType"]?.string ?? "unknown type")), which this revision cannot carry.")
            default: return block
            }
        }
        return copy
    }

    /// The result as a tree: `tasks/get` shows it within another.
    var json: JSONValue {
        var writer = ByteWriter(capacity: 480)
        writer.append(self, meta: nil)
        return (try? JSONValue(parsing: writer.bytes)) ?? .null
    }
}

extension Content {
    /// - Parameter base64: of the picture.
    package static func image(_ base64: String, mimeType: String) -> Content {
        .other(["type": "image", "data": .string(base64), "mimeType": .string(mimeType)])
    }

    package static func audio(_ base64: String, mimeType: String) -> Content {
        .other(["type": "audio", "data": .string(base64), "mimeType": .string(mimeType)])
    }

    /// A resource within the result.
    package static func resource(uri: String, mimeType: String, text: String) -> Content {
        .other(["type": "resource", "resource": ["uri": .string(uri), "mimeType": .string(mimeType), "text": .string(text)]])
    }
}
