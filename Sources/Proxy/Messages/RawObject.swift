package import Primitives

/// Rewrites one JSON object member by member and leaves the bytes of all others as they came: what passes through us keeps its
/// numbers, escapes and schemas (mcp.md §3.11).
package struct RawObject {
    private var members: [(key: String, value: [UInt8])] = []

    package init() {}

    /// The members of an object; none for anything else.
    package init(_ view: JSONView?) {
        for member in view?.members ?? [] { members.append((member.key, Array(member.value.rawBytes))) }
    }

    /// The JSON text of a member. Assigning nil removes it; a new key goes to the end.
    package subscript(key: String) -> [UInt8]? {
        get { members.first { $0.key == key }?.value }
        set {
            if let index = members.firstIndex(where: { $0.key == key }) {
                if let newValue { members[index].value = newValue } else { members.remove(at: index) }
            } else if let newValue {
                members.append((key, newValue))
            }
        }
    }

    package mutating func set(_ key: String, _ value: JSONValue) { self[key] = value.serialized }

    package var isEmpty: Bool { members.isEmpty }

    package var serialized: [UInt8] {
        var out = ByteWriter(capacity: members.reduce(16) { $0 + $1.key.utf8.count + $1.value.count + 4 })
        out.append("{")
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(",") }
            out.append(jsonString: member.key)
            out.append(":")
            out.append(member.value)
        }
        out.append("}")
        return out.bytes
    }
}

/// A JSON array of texts that stay as they are.
package enum RawArray {
    package static func serialized(_ elements: some Sequence<[UInt8]>) -> [UInt8] {
        var out: [UInt8] = [UInt8(ascii: "[")]
        for (index, element) in elements.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out.append(contentsOf: element)
        }
        out.append(UInt8(ascii: "]"))
        return out
    }
}

/// JSON-RPC messages built around parts that stay as they are.
package enum RawMessage {
    package static func request(id: [UInt8], method: String, params: [UInt8]) -> [UInt8] {
        var out = ByteWriter(capacity: params.count + 96)
        out.append("{\"jsonrpc\":\"2.0\",\"id\":")
        out.append(id)
        out.append(",\"method\":")
        out.append(jsonString: method)
        out.append(",\"params\":")
        out.append(params)
        out.append("}")
        return out.bytes
    }

    package static func notification(method: String, params: [UInt8]?) -> [UInt8] {
        var out = ByteWriter(capacity: (params?.count ?? 0) + 64)
        out.append("{\"jsonrpc\":\"2.0\",\"method\":")
        out.append(jsonString: method)
        if let params {
            out.append(",\"params\":")
            out.append(params)
        }
        out.append("}")
        return out.bytes
    }

    /// - Parameter member: `result` or `error`.
    package static func response(id: [UInt8], _ member: StaticString, _ value: [UInt8]) -> [UInt8] {
        var out = ByteWriter(capacity: value.count + id.count + 40)
        out.append("{\"jsonrpc\":\"2.0\",\"id\":")
        out.append(id)
        out.append(",\"")
        out.append(member)
        out.append("\":")
        out.append(value)
        out.append("}")
        return out.bytes
    }
}
