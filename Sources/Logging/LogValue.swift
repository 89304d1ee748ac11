/// One value of a log line's metadata. There is no way in for a `Secret`.
package enum LogValue: Sendable, Equatable {
    case string(String)
    case int(Int)
    case double(Double)
    case bool(Bool)

    /// The text form of anything that describes itself, such as an identifier, an address or an error code.
    package static func text(_ value: some CustomStringConvertible) -> LogValue { .string(value.description) }
    /// Milliseconds with fraction.
    package static func duration(_ value: Duration) -> LogValue {
        let parts = value.components
        return .double(Double(parts.seconds) * 1000 + Double(parts.attoseconds / 1_000_000_000_000) / 1000)
    }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
}
