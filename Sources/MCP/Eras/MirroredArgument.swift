internal import HTTP
internal import Primitives

/// An argument whose schema says `x-mcp-header: X`: clients of 2026-07-28 repeat its value as `Mcp-Param-X`, so that what stands
/// between can route by it (mcp.md §3.2).
struct MirroredArgument: Sendable, Hashable {
    /// Names of properties from the root to the argument.
    let path: [String]
    /// The whole field name in lower case.
    let field: String

    /// Those of a schema, reachable from its root through `properties` alone.
    static func all(in schema: JSONValue) -> [MirroredArgument] { find(in: schema, at: []) }

    private static func find(in schema: JSONValue, at path: [String]) -> [MirroredArgument] {
        guard path.count < JSONDocument.maximumDepth else { return [] }
        return (schema["properties"]?.object?.members ?? []).flatMap { member -> [MirroredArgument] in
            let here = path + [member.key]
            let own = member.value["x-mcp-header"]?.string.map {
                MirroredArgument(path: here, field: "mcp-param-\($0.lowercased())")
            }
            return (own.map { [$0] } ?? []) + find(in: member.value, at: here)
        }
    }

    /// Tokens, unique whatever their case, on strings, integers and booleans, and nowhere but below `properties`.
    static func areValid(in schema: JSONValue) -> Bool {
        let found = all(in: schema)
        let isSound = found.allSatisfy { argument in
            let name = argument.field.dropFirst("mcp-param-".count)
            guard !name.isEmpty, name.utf8.allSatisfy(Token.isCharacter) else { return false }
            let declared = argument.path.reduce(Optional(schema)) { $0?["properties"]?[$1] }?["type"]
            return ["string", "integer", "boolean"].contains(declared?.string)
        }
        return isSound && Set(found.map(\.field)).count == found.count && count(in: schema) == found.count
    }

    private static func count(in value: JSONValue) -> Int {
        switch value {
        case .array(let elements): elements.reduce(0) { $0 + count(in: $1) }
        case .object(let object):
            object.members.reduce(0) { $0 + count(in: $1.value) + ($1.key == "x-mcp-header" ? 1 : 0) }
        default: 0
        }
    }

    /// - Throws: `.headerMismatch` when the header is missing, repeated, undecodable, different or not called for.
    func check(_ arguments: JSONView?, _ fields: Fields) throws(RPCError) {
        let given = fields.lines.filter { $0.name == field }
        let value = path.reduce(arguments) { $0?[name: $1] }
        guard let value, !value.isNull else {
            guard given.isEmpty else { throw RPCError(.headerMismatch, "The header \(field) has no argument in the body.") }
            return
        }
        guard given.count == 1 else { throw RPCError(.headerMismatch, "The header \(field) must be sent exactly once.") }
        guard let text = HeaderMirror.decode(HeaderMirror.trim(given[0].value)) else {
            throw RPCError(.headerMismatch, "The header \(field) is not valid Base64 between =?base64? and ?=.")
        }
        guard Self.isSame(text, value) else { throw RPCError(.headerMismatch, "The header \(field) differs from the body.") }
    }

    /// Numbers compare as numbers: `42` is `42.0`.
    private static func isSame(_ text: String, _ value: JSONView) -> Bool {
        if let string = value.string { return text == string }
        if let bool = value.bool { return text == (bool ? "true" : "false") }
        guard let number = value.value.double, let other = (try? JSONValue(parsing: text))?.double else { return false }
        return number == other
    }
}
