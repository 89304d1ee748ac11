internal import Primitives

/// What an endpoint says of itself.
package struct ServerInfo: Sendable {
    package let name: String
    package let title: String
    package let version: String
    /// Shown to the model: what the tools are for, in a few sentences.
    package let instructions: String
    /// `{name, title, version}`, built once.
    let implementation: JSONValue
    /// The `_meta` of every 2026-07-28 result.
    let resultMeta: JSONValue
    /// The same, serialized.
    let resultMetaBytes: [UInt8]

    package init(name: String, title: String, version: String, instructions: String) {
        self.name = name
        self.title = title
        self.version = version
        self.instructions = instructions
        let implementation: JSONValue = ["name": .string(name), "title": .string(title), "version": .string(version)]
        self.implementation = implementation
        resultMeta = .object(JSONObject([(MetaKey.serverInfo, implementation)]))
        resultMetaBytes = resultMeta.serialized
    }
}
