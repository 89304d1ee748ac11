/// The revisions of the Model Context Protocol we speak.
package enum Revision: String, Sendable, CaseIterable, Comparable {
    /// Only as an answer to `initialize` over Streamable HTTP; its own transport is not served.
    case november2024 = "2024-11-05"
    case march2025 = "2025-03-26"
    case june2025 = "2025-06-18"
    case november2025 = "2025-11-25"
    case july2026 = "2026-07-28"

    /// What `initialize` answers when it does not know the version asked for: never a modern one.
    package static let newestLegacy = Revision.november2025
    package static let modern: [Revision] = [.july2026]

    package var isModern: Bool { self >= .july2026 }

    package static func < (a: Revision, b: Revision) -> Bool { a.rawValue < b.rawValue }

    /// True when a header value names a stateless revision, known to us or not: dates compare as text.
    static func namesModern(_ text: String) -> Bool {
        text.utf8.count == 10 && text.utf8.first == UInt8(ascii: "2") && text >= july2026.rawValue
    }
}

/// The `_meta` keys of 2026-07-28.
package enum MetaKey {
    package static let protocolVersion: StaticString = "io.modelcontextprotocol/protocolVersion"
    package static let clientCapabilities: StaticString = "io.modelcontextprotocol/clientCapabilities"
    static let logLevel: StaticString = "io.modelcontextprotocol/logLevel"
    static let subscriptionID = "io.modelcontextprotocol/subscriptionId"
    package static let serverInfo = "io.modelcontextprotocol/serverInfo"
}
