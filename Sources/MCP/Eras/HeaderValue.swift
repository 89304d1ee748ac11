package import HTTP
internal import Primitives

/// The mirrored headers of 2026-07-28: what they say must be what the body says, or two readers act on two requests.
package enum HeaderMirror {
    /// Compares the headers of one request with its body (mcp.md §3.2, RS-7).
    /// - Throws: `.headerMismatch` when one is missing, repeated, undecodable or different.
    package static func check(_ message: RPCMessage, version: String, fields: Fields) throws(RPCError) {
        try expect(.mcpProtocolVersion, "MCP-Protocol-Version", version, in: fields, isEncoded: false)
        guard message.kind == .request else { return }
        try expect(.mcpMethod, "Mcp-Method", message.method, in: fields, isEncoded: false)
        guard let key = namedParameter(message.method) else { return }
        guard let name = message.params?[key]?.string else { return }
        try expect(.mcpName, "Mcp-Name", name, in: fields, isEncoded: true)
    }

    private static func namedParameter(_ method: String) -> StaticString? {
        switch method {
        case "tools/call", "prompts/get": "name"
        case "resources/read": "uri"
        case "tasks/get", "tasks/update", "tasks/cancel": "taskId"
        default: nil
        }
    }

    private static func expect(
        _ field: FieldName, _ label: String, _ value: String, in fields: Fields, isEncoded: Bool
    ) throws(RPCError) {
        // Nearly every request: there once, and byte for byte the same.
        if value.utf8.first != UInt8(ascii: "="), fields.isOnly(field, value) { return }
        guard fields.count(of: field) == 1, let raw = fields[field] else {
            throw RPCError(.headerMismatch, "The header \(label) must be sent exactly once.")
        }
        let trimmed = trim(raw)
        guard let decoded = isEncoded ? decode(trimmed) : trimmed else {
            throw RPCError(.headerMismatch, "The header \(label) is not valid Base64 between =?base64? and ?=.")
        }
        guard decoded == value else { throw RPCError(.headerMismatch, "The header \(label) differs from the body.") }
    }

    /// Optional white space around a value is not part of it (RFC 9110 §5.5).
    static func trim(_ text: String) -> String {
        var view = text.utf8[...]
        while let first = view.first, first == 0x20 || first == 0x09 { view.removeFirst() }
        while let last = view.last, last == 0x20 || last == 0x09 { view.removeLast() }
        return String(Substring(view))
    }

    /// `=?base64?…?=` holds UTF-8 in strict standard Base64; anything else is literal. Nil when the Base64 is not strict.
    package static func decode(_ value: String) -> String? {
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else { return value }
        guard let bytes = Base64.decode(value.dropFirst(9).dropLast(2), .standard) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
