internal import Primitives

/// The tools of one MCP endpoint, checked when it is built, in a fixed order.
package struct ToolRegistry: Sendable {
    /// In the order they were given: `tools/list` is deterministic.
    package let tools: [Tool]
    private let places: [String: Int]

    /// Why a set of tools cannot be served.
    package enum Problem: Error, Sendable, Hashable {
        case invalidName(String), duplicateName(String), inputSchemaIsNoObject(String)
        /// `x-mcp-header` against the rules of mcp.md §3.2: clients would drop the tool.
        case invalidHeader(String)
    }

    package init(_ tools: [Tool]) throws(Problem) {
        var places: [String: Int] = [:]
        for (place, tool) in tools.enumerated() {
            for name in [tool.name] + tool.aliases {
                guard Self.isValid(name) else { throw .invalidName(name) }
                guard places.updateValue(place, forKey: name) == nil else { throw .duplicateName(name) }
            }
            guard tool.inputSchema["type"] == "object" else { throw .inputSchemaIsNoObject(tool.name) }
            guard MirroredArgument.areValid(in: tool.inputSchema) else { throw .invalidHeader(tool.name) }
        }
        self.tools = tools
        self.places = places
    }

    /// The tool of that name or alias.
    package subscript(name: String) -> Tool? { places[name].map { tools[$0] } }

    /// What Anthropic's directory, the conformance suite and we agree on.
    private static func isValid(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }
}
