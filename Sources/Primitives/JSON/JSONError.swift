/// Why bytes are not the JSON text we accept (RFC 8259), and where.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case unexpectedEnd = "unexpected_end"
        case unexpectedByte = "unexpected_byte"
        case invalidNumber = "invalid_number"
        case invalidString = "invalid_string"
        case duplicateKey = "duplicate_key"
        case tooDeep = "too_deep"
        case tooLarge = "too_large"
    }

    package let code: Code
    /// Offset in bytes from the start of the text.
    package let offset: Int

    package var description: String { "\(code.rawValue) at byte \(offset)" }
}
