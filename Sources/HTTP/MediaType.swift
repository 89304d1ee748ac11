/// A media type of RFC 9110 §8.3.1: what it is, and its parameters' presence ignored.
package struct MediaType: Sendable, Hashable {
    /// `type/subtype` in lower case.
    package let essence: String

    /// Nil when absent or malformed. List syntax (`a/b, c/d`) is malformed (COM-4).
    package init?(_ value: String?) {
        guard let value else { return nil }
        let head = value.prefix { $0 != ";" }.lowercased()
        let trimmed = String(head.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        let parts = trimmed.split(separator: "/", omittingEmptySubsequences: false)
        guard !value.contains(","), parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Token.isCharacter) })
        else { return nil }
        essence = trimmed
    }
}

/// The token of RFC 9110 §5.6.2.
package enum Token {
    package static func isCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
