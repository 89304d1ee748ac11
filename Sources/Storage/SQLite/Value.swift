internal import OAuth
internal import Primitives

/// A value bound to a placeholder: the only way data enters a statement.
enum Value: Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    static func count(_ value: Int) -> Value { .integer(Int64(value)) }
    static func flag(_ value: Bool) -> Value { .integer(value ? 1 : 0) }
    static func time(_ value: Timestamp) -> Value { .integer(value.milliseconds) }
    static func time(orNull value: Timestamp?) -> Value { value.map { .time($0) } ?? .null }
    static func text(orNull value: String?) -> Value { value.map { .text($0) } ?? .null }
    static func id(_ value: some TextIdentifier) -> Value { .text(value.text) }
    static func id(orNull value: (some TextIdentifier)?) -> Value { value.map { .text($0.text) } ?? .null }
    static func digest(_ value: TokenDigest) -> Value { .blob(value.bytes) }
    static func digest(orNull value: TokenDigest?) -> Value { value.map { .blob($0.bytes) } ?? .null }
    static func scopes(_ value: ScopeSet) -> Value { .text(value.description) }
}
