internal import Glibc

/// One pass over a JSON text, filling the node table of a `JSONDocument`. Iterative, so nesting cannot exhaust the stack.
///
/// It reads through a pointer: checks of an array's storage at each byte cost more than the parsing.
@safe struct JSONParser {
    /// A container that is open.
    private struct Container {
        let index: Int
        let isObject: Bool
        var count: UInt32 = 0
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let end: Int
    private var position = 0
    private var nodes: [JSONDocument.Node] = []
    /// The containers around `current`.
    private var outer: [Container] = []
    private var current: Container?
    /// Objects with more members than this have their keys compared as a set.
    private static let pairwiseLimit = 32

    /// - Parameter bytes: must outlive the parser.
    @unsafe init(bytes: UnsafeBufferPointer<UInt8>) {
        unsafe self.bytes = bytes
        end = bytes.count
    }

    mutating func parse() throws(JSONError) -> [JSONDocument.Node] {
        nodes.reserveCapacity(max(8, end / 8))
        skipSpace()
        try parseValue()
        while let container = current {
            skipSpace()
            try continueContainer(container)
        }
        skipSpace()
        guard position == end else { throw fail(.unexpectedByte) }
        return nodes
    }

    private func fail(_ code: JSONError.Code) -> JSONError { JSONError(code: code, offset: position) }

    @inline(__always) private func peek() throws(JSONError) -> UInt8 {
        guard position < end else { throw fail(.unexpectedEnd) }
        return unsafe bytes[position]
    }

    /// The byte at an index within bounds.
    @inline(__always) private func byte(_ index: Int) -> UInt8 { unsafe bytes[index] }

    @inline(__always) private mutating func skipSpace() {
        while position < end {
            switch byte(position) {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func continueContainer(_ container: Container) throws(JSONError) {
        let byte = try peek()
        if byte == (container.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            position += 1
            return try close(container)
        }
        if container.count > 0 {
            guard byte == UInt8(ascii: ",") else { throw fail(.unexpectedByte) }
            position += 1
            skipSpace()
        }
        current?.count += 1
        if container.isObject { try parseKey(of: container.index, count: container.count + 1) }
        try parseValue()
    }

    private mutating func close(_ container: Container) throws(JSONError) {
        current = outer.popLast()
        var node = nodes[container.index]
        node.end = UInt32(position)
        node.next = UInt32(nodes.count)
        node.count = container.count
        nodes[container.index] = node
        if container.isObject, container.count > Self.pairwiseLimit { try refuseDuplicates(in: container.index) }
    }

    /// The same rule for a wide object, in linear time: pairwise comparison would be quadratic in the peer's hands.
    private func refuseDuplicates(in container: Int) throws(JSONError) {
        var seen: Set<String> = []
        var key = container + 1
        while key < Int(nodes[container].next) {
            let node = nodes[key]
            guard seen.insert(text(of: node)).inserted else { throw fail(.duplicateKey) }
            key = Int(nodes[key + 1].next)
        }
    }

    private mutating func parseKey(of container: Int, count: UInt32) throws(JSONError) {
        guard try peek() == UInt8(ascii: "\"") else { throw fail(.unexpectedByte) }
        let key = nodes.count
        try parseString()
        // Wide objects are checked when they close.
        if count > 1, count <= Self.pairwiseLimit { try refuseDuplicate(key, in: container) }
        skipSpace()
        guard try peek() == UInt8(ascii: ":") else { throw fail(.unexpectedByte) }
        position += 1
        skipSpace()
    }

    /// Two readers of a text with a repeated key may see two different requests; none is let through.
    private func refuseDuplicate(_ key: Int, in container: Int) throws(JSONError) {
        var other = container + 1
        while other < key {
            if sameText(nodes[other], nodes[key]) { throw fail(.duplicateKey) }
            other = Int(nodes[other + 1].next)
        }
    }

    private func sameText(_ a: JSONDocument.Node, _ b: JSONDocument.Node) -> Bool {
        if a.hasEscapes || b.hasEscapes { return text(of: a) == text(of: b) }
        let count = Int(a.end - a.start)
        guard count == Int(b.end - b.start), let base = unsafe bytes.baseAddress else { return false }
        return unsafe memcmp(base + Int(a.start), base + Int(b.start), count) == 0
    }

    private func text(of node: JSONDocument.Node) -> String {
        unsafe Self.unescape(Array(UnsafeBufferPointer(rebasing: bytes[Int(node.start)..<Int(node.end)]))[...])
    }

    private mutating func parseValue() throws(JSONError) {
        switch try peek() {
        case UInt8(ascii: "{"): try openContainer(.object)
        case UInt8(ascii: "["): try openContainer(.array)
        case UInt8(ascii: "\""): try parseString()
        case UInt8(ascii: "t"): try parseLiteral("true", .boolTrue)
        case UInt8(ascii: "f"): try parseLiteral("false", .boolFalse)
        case UInt8(ascii: "n"): try parseLiteral("null", .null)
        default: try parseNumber()
        }
    }

    private mutating func openContainer(_ kind: JSONDocument.Node.Kind) throws(JSONError) {
        if let current {
            guard outer.count + 1 < JSONDocument.maximumDepth else { throw fail(.tooDeep) }
            outer.append(current)
        }
        current = Container(index: nodes.count, isObject: kind == .object)
        append(kind, from: position, to: position)
        position += 1
    }

    private mutating func append(_ kind: JSONDocument.Node.Kind, from start: Int, to end: Int, hasEscapes: Bool = false) {
        nodes.append(
            JSONDocument.Node(
                kind: kind, hasEscapes: hasEscapes, start: UInt32(start), end: UInt32(end), next: UInt32(nodes.count + 1), count: 0)
        )
    }

    private mutating func parseLiteral(_ literal: StaticString, _ kind: JSONDocument.Node.Kind) throws(JSONError) {
        let start = position
        for offset in 0..<literal.utf8CodeUnitCount {
            let expected = unsafe literal.utf8Start[offset]
            guard try peek() == expected else { throw fail(.unexpectedByte) }
            position += 1
        }
        append(kind, from: start, to: position)
    }

    private mutating func parseNumber() throws(JSONError) {
        let start = position
        if try peek() == UInt8(ascii: "-") { position += 1 }
        switch position < end ? byte(position) : 0 {
        case UInt8(ascii: "0"): position += 1
        case UInt8(ascii: "1")...UInt8(ascii: "9"): skipDigits()
        default: throw fail(position == start ? .unexpectedByte : .invalidNumber)
        }
        if position < end, byte(position) == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() else { throw fail(.invalidNumber) }
        }
        if position < end, byte(position) | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, byte(position) == UInt8(ascii: "+") || byte(position) == UInt8(ascii: "-") {
                position += 1
            }
            guard skipDigits() else { throw fail(.invalidNumber) }
        }
        append(.number, from: start, to: position)
    }

    @discardableResult
    private mutating func skipDigits() -> Bool {
        let start = position
        while position < end, byte(position) >= 0x30, byte(position) <= 0x39 { position += 1 }
        return position > start
    }

    private mutating func parseString() throws(JSONError) {
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            skipPlain()
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
                append(.string, from: start, to: position, hasEscapes: hasEscapes)
                position += 1
                return
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try skipEscape()
            case 0..<0x20: throw fail(.invalidString)
            case 0x20..<0x80: position += 1
            default: try skipMultibyte(byte)
            }
        }
    }

    /// Passes over eight bytes at a time as long as they are ASCII without quote, backslash or control.
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let raw = unsafe UnsafeRawBufferPointer(bytes)
        while position + 8 <= raw.count {
            let word = unsafe raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let special =
                (word &- ones &* 0x20 | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | word) & (ones &* 0x80)
            // Right up to the lowest special byte.
            position += special.trailingZeroBitCount / 8
            if special != 0 { return }
        }
    }

    private mutating func skipEscape() throws(JSONError) {
        position += 1
        switch try peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            position += 1
            let unit = try hexUnit()
            if unit & 0xFC00 == 0xDC00 { throw fail(.invalidString) }
            guard unit & 0xFC00 == 0xD800 else { return }
            guard try peek() == UInt8(ascii: "\\") else { throw fail(.invalidString) }
            position += 1
            guard try peek() == UInt8(ascii: "u") else { throw fail(.invalidString) }
            position += 1
            guard try hexUnit() & 0xFC00 == 0xDC00 else { throw fail(.invalidString) }
        default: throw fail(.invalidString)
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(of: try peek()) else { throw fail(.invalidString) }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    /// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
    private mutating func skipMultibyte(_ lead: UInt8) throws(JSONError) {
        let (count, second): (Int, ClosedRange<UInt8>)
        switch lead {
        case 0xC2...0xDF: (count, second) = (1, 0x80...0xBF)
        case 0xE0: (count, second) = (2, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (count, second) = (2, 0x80...0xBF)
        case 0xED: (count, second) = (2, 0x80...0x9F)
        case 0xF0: (count, second) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (3, 0x80...0xBF)
        case 0xF4: (count, second) = (3, 0x80...0x8F)
        default: throw fail(.invalidString)
        }
        position += 1
        guard second.contains(try peek()) else { throw fail(.invalidString) }
        position += 1
        for _ in 1..<max(count, 1) {
            guard (0x80...0xBF).contains(try peek()) else { throw fail(.invalidString) }
            position += 1
        }
    }

    /// Decodes the inside of a string that `parseString` accepted.
    static func unescape(_ raw: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        var index = raw.startIndex
        func unit(at start: Int) -> UInt32 {
            raw[start..<start + 4].reduce(0) { $0 << 4 | UInt32(Hex.value(of: $1) ?? 0) }
        }
        while index < raw.endIndex {
            guard raw[index] == UInt8(ascii: "\\") else {
                out.append(raw[index])
                index += 1
                continue
            }
            index += 2
            switch raw[index - 1] {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = unit(at: index)
                index += 4
                if scalar & 0xFC00 == 0xD800 {
                    scalar = 0x10000 + (scalar & 0x3FF) << 10 + unit(at: index + 2) & 0x3FF
                    index += 6
                }
                out.append(contentsOf: String(Character(Unicode.Scalar(scalar) ?? "\u{FFFD}")).utf8)
            case let byte: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
