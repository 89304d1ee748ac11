package import Primitives

/// A resource with a fixed address.
package struct Resource: Sendable {
    package let uri: String
    package let name: String
    package let title: String
    package let description: String
    package let mimeType: String
    /// Reads the present contents. Each an object with `uri`, `mimeType` and `text` or `blob`; never none.
    package let read: @Sendable (ToolContext) async -> [JSONValue]

    package init(
        uri: String, name: String, title: String, description: String, mimeType: String,
        read: @escaping @Sendable (ToolContext) async -> [JSONValue]
    ) {
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
        self.read = read
    }

    /// The resource object of `resources/list`.
    var listing: JSONValue {
        [
            "uri": .string(uri), "name": .string(name), "title": .string(title), "description": .string(description),
            "mimeType": .string(mimeType),
        ]
    }
}

/// Some of what a caller has of its own.
package struct ResourcePage: Sendable {
    /// What a listing tells of one; read by a template.
    package struct Entry: Sendable, Hashable {
        package let uri: String
        package let name: String
        package let title: String
        package let description: String
        package let mimeType: String

        package init(uri: String, name: String, title: String, description: String, mimeType: String) {
            self.uri = uri
            self.name = name
            self.title = title
            self.description = description
            self.mimeType = mimeType
        }
    }

    package let entries: [Entry]
    /// Where the next page begins; nil on the last.
    package let next: String?

    package init(entries: [Entry], next: String?) {
        self.entries = entries
        self.next = next
    }
}

extension ResourcePage.Entry {
    /// The resource object of `resources/list`.
    var listing: JSONValue {
        [
            "uri": .string(uri), "name": .string(name), "title": .string(title), "description": .string(description),
            "mimeType": .string(mimeType),
        ]
    }
}

/// A family of resources: an address with variables `{name}` (RFC 6570 level 1).
package struct ResourceTemplate: Sendable {
    package let uriTemplate: String
    package let name: String
    package let title: String
    package let description: String
    package let mimeType: String
    /// Reads one, by the address asked for and the values of its variables. Nil when there is none.
    package let read: @Sendable (String, [String: String], ToolContext) async -> [JSONValue]?

    package init(
        uriTemplate: String, name: String, title: String, description: String, mimeType: String,
        read: @escaping @Sendable (String, [String: String], ToolContext) async -> [JSONValue]?
    ) {
        self.uriTemplate = uriTemplate
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
        self.read = read
    }

    /// The template object of `resources/templates/list`.
    var listing: JSONValue {
        [
            "uriTemplate": .string(uriTemplate), "name": .string(name), "title": .string(title),
            "description": .string(description), "mimeType": .string(mimeType),
        ]
    }

    /// The variables of an address this template describes; nil for any other. A value is percent-decoded, never empty, and has
    /// no slash, encoded or not, and no dot segment: no handler has to guard against leaving its folder (mcp.md §5).
    func match(_ uri: String) -> [String: String]? {
        var rest = uri[...]
        var values: [String: String] = [:]
        var pieces = uriTemplate[...]
        while let open = pieces.firstIndex(of: "{") {
            guard rest.hasPrefix(pieces[..<open]), let close = pieces[open...].firstIndex(of: "}") else { return nil }
            rest = rest.dropFirst(pieces.distance(from: pieces.startIndex, to: open))
            let name = String(pieces[pieces.index(after: open)..<close])
            pieces = pieces[pieces.index(after: close)...]
            let end = pieces.first.map { rest.firstIndex(of: $0) ?? rest.endIndex } ?? rest.endIndex
            guard let value = Self.decode(rest[..<end]) else { return nil }
            values[name] = value
            rest = rest[end...]
        }
        return rest == pieces ? values : nil
    }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var index = text.utf8.startIndex
        while index < text.utf8.endIndex {
            let byte = text.utf8[index]
            if byte == UInt8(ascii: "%") {
                let digits = text.utf8[text.utf8.index(after: index)...].prefix(2)
                guard digits.count == 2, let decoded = Hex.decode(Substring(digits)) else { return nil }
                bytes += decoded
                index = digits.endIndex
            } else {
                bytes.append(byte)
                index = text.utf8.index(after: index)
            }
        }
        guard let value = String(validating: bytes, as: UTF8.self), !value.isEmpty, value != ".", value != "..",
            !bytes.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
        else { return nil }
        return value
    }
}
