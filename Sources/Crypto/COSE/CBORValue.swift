/// A value of CBOR (RFC 8949) in the canonical form of CTAP2, which is all that authenticators write: definite lengths, shortest
/// integers, no tags, no floating point, each key of a map once. Everything else is refused, so that no input has two readings.
package indirect enum CBORValue: Sendable, Hashable {
    case integer(Int64)
    case bytes([UInt8])
    case text(String)
    case array([CBORValue])
    /// Pairs in the order they stood.
    case map([Pair])
    case bool(Bool)
    case null

    package struct Pair: Sendable, Hashable {
        package let key: CBORValue
        package let value: CBORValue
    }

    /// Why bytes are refused.
    package enum Fault: Error, Sendable, Hashable {
        /// They end in the middle of a value.
        case truncated
        /// A form that is valid CBOR at most, and not the canonical one.
        case notCanonical
        /// Deeper than four levels or more than `maximumItems` values.
        case tooLarge
    }

    /// CTAP2 allows four levels of nesting.
    package static let maximumDepth = 4
    /// Values in one message, keys included.
    package static let maximumItems = 256

    package subscript(_ key: CBORValue) -> CBORValue? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    package var text: String? { if case .text(let value) = self { value } else { nil } }
    package var pairs: [Pair]? { if case .map(let value) = self { value } else { nil } }
}

extension CBORValue {
    /// Reads the one value the bytes are.
    /// - Throws: `.notCanonical` also when bytes follow it.
    package init(parsing bytes: [UInt8]) throws(Fault) {
        let (value, end) = try Self.read(bytes, from: 0)
        guard end == bytes.count else { throw .notCanonical }
        self = value
    }

    /// Reads the value that begins at `start`, and tells where it ends.
    package static func read(_ bytes: [UInt8], from start: Int) throws(Fault) -> (value: CBORValue, end: Int) {
        var reader = CBORReader(bytes, from: start)
        let value = try reader.value(depth: 0)
        return (value, reader.place)
    }
}

private struct CBORReader {
    private let bytes: [UInt8]
    private(set) var place: Int
    private var items = 0

    init(_ bytes: [UInt8], from start: Int) {
        self.bytes = bytes
        place = start
    }

    mutating func value(depth: Int) throws(CBORValue.Fault) -> CBORValue {
        items += 1
        guard depth <= CBORValue.maximumDepth, items <= CBORValue.maximumItems else { throw .tooLarge }
        guard let initial = try take(1).first else { throw .truncated }
        switch initial >> 5 {
        case 0: return .integer(try magnitude(initial))
        case 1: return .integer(-1 - (try magnitude(initial)))
        case 2: return .bytes(Array(try take(try count(initial))))
        case 3:
            guard let text = String(validating: try take(try count(initial)), as: UTF8.self) else { throw .notCanonical }
            return .text(text)
        case 4:
            var elements: [CBORValue] = []
            for _ in 0..<(try count(initial)) { elements.append(try value(depth: depth + 1)) }
            return .array(elements)
        case 5: return try map(try count(initial), depth)
        case 7:
            switch initial {
            case 0xF4: return .bool(false)
            case 0xF5: return .bool(true)
            case 0xF6: return .null
            default: throw .notCanonical
            }
        default: throw .notCanonical
        }
    }

    private mutating func map(_ count: Int, _ depth: Int) throws(CBORValue.Fault) -> CBORValue {
        var pairs: [CBORValue.Pair] = []
        for _ in 0..<count {
            let key = try value(depth: depth + 1)
            switch key {
            case .integer, .text: break
            default: throw .notCanonical
            }
            guard !pairs.contains(where: { $0.key == key }) else { throw .notCanonical }
            pairs.append(CBORValue.Pair(key: key, value: try value(depth: depth + 1)))
        }
        return .map(pairs)
    }

    /// The argument of an initial byte, in its shortest form; beyond 63 bits nothing of WebAuthn goes.
    private mutating func magnitude(_ initial: UInt8) throws(CBORValue.Fault) -> Int64 {
        let short = initial & 0x1F
        guard short >= 24 else { return Int64(short) }
        guard short <= 27 else { throw .notCanonical }
        let width = 1 << (short - 24)
        let number = try take(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let least: UInt64 = [24, 0x100, 0x1_0000, 0x1_0000_0000][Int(short - 24)]
        guard number >= least, number <= UInt64(Int64.max) else { throw .notCanonical }
        return Int64(number)
    }

    /// A length or a count. What is longer than the rest of the input cannot be whole, so nothing is reserved for it.
    private mutating func count(_ initial: UInt8) throws(CBORValue.Fault) -> Int {
        let number = try magnitude(initial)
        guard number <= Int64(bytes.count - place) else { throw .truncated }
        return Int(number)
    }

    private mutating func take(_ count: Int) throws(CBORValue.Fault) -> ArraySlice<UInt8> {
        guard count <= bytes.count - place else { throw .truncated }
        defer { place += count }
        return bytes[place..<(place + count)]
    }
}

extension CBORValue {
    /// The canonical bytes of the value; maps keep the order they have.
    package var serialized: [UInt8] {
        switch self {
        case .integer(let value): value < 0 ? Self.head(1, UInt64(-1 - value)) : Self.head(0, UInt64(value))
        case .bytes(let value): Self.head(2, UInt64(value.count)) + value
        case .text(let value): Self.head(3, UInt64(value.utf8.count)) + Array(value.utf8)
        case .array(let values): Self.head(4, UInt64(values.count)) + values.flatMap(\.serialized)
        case .map(let pairs): Self.head(5, UInt64(pairs.count)) + pairs.flatMap { $0.key.serialized + $0.value.serialized }
        case .bool(let value): [value ? 0xF5 : 0xF4]
        case .null: [0xF6]
        }
    }

    private static func head(_ major: UInt8, _ number: UInt64) -> [UInt8] {
        let width = number < 24 ? 0 : number < 0x100 ? 1 : number < 0x1_0000 ? 2 : number < 0x1_0000_0000 ? 4 : 8
        guard width > 0 else { return [major << 5 | UInt8(number)] }
        let short: UInt8 = width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27
        return [major << 5 | short] + (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (width - 1 - $0))) }
    }
}
