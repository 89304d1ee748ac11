internal import Glibc

/// A parsed JSON text kept as its bytes and a flat table of nodes: one pass, two allocations, strings decoded on demand.
/// Strict RFC 8259: no duplicate keys, no invalid UTF-8, no lone surrogates, depth at most `maximumDepth`.
package final class JSONDocument: Sendable {
    /// Deeper nesting is refused: handlers recurse over values.
    package static let maximumDepth = 64

    struct Node: Sendable {
        enum Kind: UInt8, Sendable { case null, boolTrue, boolFalse, number, string, array, object }
        var kind: Kind
        /// Strings only: the text holds escapes.
        var hasEscapes: Bool
        /// First byte of the value; for strings, after the quote.
        var start: UInt32
        /// Past the last byte; for strings, the closing quote.
        var end: UInt32
        /// Index of the node after this value and all it holds.
        var next: UInt32
        /// Count of elements or members.
        var count: UInt32
    }

    let bytes: [UInt8]
    let nodes: [Node]

    /// Parses one JSON text, white space around it allowed.
    /// - Throws: `JSONError` naming the first offending byte.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        guard bytes.count < Int(UInt32.max) else { throw JSONError(code: .tooLarge, offset: 0) }
        nodes = try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
            var parser = unsafe JSONParser(bytes: bytes)
            return try parser.parse()
        }
        self.bytes = bytes
    }

    /// The top-level value.
    package var root: JSONView { JSONView(document: self, index: 0) }
}

/// A place in a `JSONDocument`. Cheap to copy; lookups walk the siblings of one level only.
package struct JSONView: Sendable {
    let document: JSONDocument
    let index: Int

    private var node: JSONDocument.Node { document.nodes[index] }

    package var isNull: Bool { node.kind == .null }
    package var isObject: Bool { node.kind == .object }
    package var isArray: Bool { node.kind == .array }
    package var isString: Bool { node.kind == .string }

    /// Nil when not a string.
    package var string: String? {
        guard node.kind == .string else { return nil }
        return document.text(of: node)
    }

    /// Nil when not a number that is exactly an `Int`.
    package var int: Int? {
        guard node.kind == .number else { return nil }
        return JSONNumber(text: document.text(of: node)).int
    }

    package var bool: Bool? {
        switch node.kind {
        case .boolTrue: true
        case .boolFalse: false
        default: nil
        }
    }

    /// Count of elements or members; 0 for anything else.
    package var count: Int { node.kind == .array || node.kind == .object ? Int(node.count) : 0 }

    /// The member of an object, or nil.
    package subscript(key: StaticString) -> JSONView? {
        document.member(key, of: index).map { JSONView(document: document, index: $0) }
    }

    /// The member of an object by a name known only at run time, or nil.
    package subscript(name key: String) -> JSONView? {
        for member in members where member.key == key { return member.value }
        return nil
    }

    /// The elements of an array; empty for anything else.
    package var elements: [JSONView] {
        guard node.kind == .array else { return [] }
        var out: [JSONView] = []
        var child = index + 1
        for _ in 0..<node.count {
            out.append(JSONView(document: document, index: child))
            child = Int(document.nodes[child].next)
        }
        return out
    }

    /// The members of an object in their order; empty for anything else.
    package var members: [(key: String, value: JSONView)] {
        guard node.kind == .object else { return [] }
        var out: [(key: String, value: JSONView)] = []
        var child = index + 1
        for _ in 0..<node.count {
            out.append((document.text(of: document.nodes[child]), JSONView(document: document, index: child + 1)))
            child = Int(document.nodes[child + 1].next)
        }
        return out
    }

    /// True when this is a string equal to the literal; compares bytes, allocates nothing.
    package func equals(_ literal: StaticString) -> Bool { node.kind == .string && document.equals(node, literal) }

    /// The value's own bytes as received, quotes included: for echoing ids and hashing arguments.
    package var rawBytes: ArraySlice<UInt8> {
        let isString = node.kind == .string
        return document.bytes[Int(node.start) - (isString ? 1 : 0)..<Int(node.end) + (isString ? 1 : 0)]
    }

    /// The value as a tree.
    package var value: JSONValue {
        switch node.kind {
        case .null: .null
        case .boolTrue: .bool(true)
        case .boolFalse: .bool(false)
        case .number: .number(JSONNumber(text: document.text(of: node)))
        case .string: .string(document.text(of: node))
        case .array: .array(elements.map(\.value))
        case .object: .object(JSONObject(unique: members.map { JSONObject.Member(key: $0.key, value: $0.value.value) }))
        }
    }
}

extension JSONDocument {
    /// The index of a member's value. One look at the storage, for lookups are most of what is done with a request.
    func member(_ key: StaticString, of object: Int) -> Int? {
        unsafe nodes.withUnsafeBufferPointer { nodes in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                guard unsafe nodes[object].kind == .object else { return nil }
                var child = object + 1
                for _ in 0..<(unsafe nodes[object].count) {
                    let name = unsafe nodes[child]
                    let isSame = name.hasEscapes ? text(of: name) == key.description : unsafe Self.equals(bytes, name, key)
                    if isSame { return child + 1 }
                    child = Int(unsafe nodes[child + 1].next)
                }
                return nil
            }
        }
    }

    @inline(__always)
    private static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ node: Node, _ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard Int(node.end - node.start) == count else { return false }
        return unsafe memcmp(bytes.baseAddress.unsafelyUnwrapped + Int(node.start), literal.utf8Start, count) == 0
    }

    func text(of node: Node) -> String {
        let range = Int(node.start)..<Int(node.end)
        guard node.hasEscapes else {
            return String(decoding: bytes[range], as: UTF8.self)
        }
        return JSONParser.unescape(bytes[range])
    }

    func equals(_ node: Node, _ literal: StaticString) -> Bool {
        if node.hasEscapes { return text(of: node) == literal.description }
        return unsafe bytes.withUnsafeBufferPointer { unsafe Self.equals($0, node, literal) }
    }
}
