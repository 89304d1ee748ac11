/// Bytes under construction behind one pointer: an append is a bounds check and a store, where an array would prove itself
/// unique each time. For serializing; the finished bytes leave as an array.
@safe package struct ByteWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    package private(set) var capacity: Int
    /// Bytes written so far.
    package private(set) var count = 0

    package init(capacity: Int = 512) {
        self.capacity = max(64, capacity)
        unsafe base = UnsafeMutablePointer<UInt8>.allocate(capacity: self.capacity)
    }

    deinit { unsafe base.deallocate() }

    /// Everything written so far.
    package var bytes: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }

    /// Reads what was written. The span must not leave the closure; the type system sees to it.
    package func withBytes<R>(_ body: (Span<UInt8>) -> R) -> R {
        body(unsafe UnsafeBufferPointer(start: base, count: count).span)
    }

    /// What was written as raw memory, for a call of C.
    @unsafe package func withUnsafeBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        unsafe body(UnsafeBufferPointer(start: base, count: count))
    }

    /// Starts again, keeping the memory.
    package mutating func removeAll() { count = 0 }

    /// Replaces a byte that was written.
    package mutating func set(_ byte: UInt8, at place: Int) {
        precondition(place >= 0 && place < count)
        unsafe base[place] = byte
    }

    @inline(__always) package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base[count] = byte
        count += 1
    }

    @inline(__always) package mutating func append(_ literal: StaticString) {
        let length = literal.utf8CodeUnitCount
        reserve(length)
        unsafe (base + count).update(from: literal.utf8Start, count: length)
        count += length
    }

    package mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    package mutating func append(utf8 text: String) {
        unsafe text.withBytes { unsafe append($0) }
    }

    /// Appends a quoted JSON string with the minimal escapes of RFC 8785 §3.2.2.2.
    package mutating func append(jsonString text: String) {
        unsafe text.withBytes { unsafe append(jsonString: $0) }
    }

    /// Appends what was written elsewhere, valid UTF-8, as one quoted JSON string: a document within a document.
    package mutating func append(jsonStringOf other: borrowing ByteWriter) {
        unsafe append(jsonString: UnsafeBufferPointer(start: other.base, count: other.count))
    }

    private mutating func append(jsonString source: UnsafeBufferPointer<UInt8>) {
        reserve(source.count * 6 + 10)  // every byte might become \u00XX, and the last eight may be written too far
        var place = count
        unsafe base[place] = UInt8(ascii: "\"")
        place += 1
        var index = 0
        while index < source.count {
            if index + 8 <= source.count {
                let word = unsafe UnsafeRawPointer(source.baseAddress.unsafelyUnwrapped + index).loadUnaligned(as: UInt64.self)
                // All eight at once, though only those before the first special one count.
                unsafe UnsafeMutableRawPointer(base + place).storeBytes(of: word, as: UInt64.self)
                let plain = Self.escapes(in: word).trailingZeroBitCount / 8
                index += plain
                place += plain
                if plain == 8 { continue }
                place = unsafe escape(source[index], at: place)
                index += 1
            } else {
                let byte = unsafe source[index]
                index += 1
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                    unsafe base[place] = byte
                    place += 1
                } else {
                    place = escape(byte, at: place)
                }
            }
        }
        unsafe base[place] = UInt8(ascii: "\"")
        count = place + 1
    }

    /// The top bit of each of eight bytes that is a control character, a quote or a backslash; right up to the lowest such
    /// byte, above which a borrow may raise false ones (Hacker's Delight §6-1).
    @inline(__always) private static func escapes(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let control = (word &- ones &* 0x20) & ~word
        return (control | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & (ones &* 0x80)
    }

    /// Appends text of printable ASCII without quote or backslash as it is. False, and nothing appended, for any other text
    /// and for one of more than `limit` bytes.
    package mutating func append(plain text: String, limit: Int) -> Bool {
        unsafe text.withBytes { unsafe append(plain: $0, limit: limit) }
    }

    private mutating func append(plain source: UnsafeBufferPointer<UInt8>, limit: Int) -> Bool {
        guard source.count <= limit, let start = source.baseAddress else { return false }
        reserve(source.count)
        var index = 0
        while index + 8 <= source.count {
            let word = unsafe UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self)
            if Self.isOdd(word) { return false }
            unsafe UnsafeMutableRawPointer(base + count + index).storeBytes(of: word, as: UInt64.self)
            index += 8
        }
        while index < source.count {
            let byte = unsafe source[index]
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return false }
            unsafe base[count + index] = byte
            index += 1
        }
        count += source.count
        return true
    }

    /// Whether one of eight bytes is no printable ASCII, a quote or a backslash.
    @inline(__always) private static func isOdd(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        // A top bit set in `word` or in `word + 1` is above 0x7E.
        return (escapes(in: word) | (word | word &+ ones) & (ones &* 0x80)) != 0
    }

    private func escape(_ byte: UInt8, at place: Int) -> Int {
        unsafe base[place] = UInt8(ascii: "\\")
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): unsafe base[place + 1] = byte
        case 0x08: unsafe base[place + 1] = UInt8(ascii: "b")
        case 0x09: unsafe base[place + 1] = UInt8(ascii: "t")
        case 0x0A: unsafe base[place + 1] = UInt8(ascii: "n")
        case 0x0C: unsafe base[place + 1] = UInt8(ascii: "f")
        case 0x0D: unsafe base[place + 1] = UInt8(ascii: "r")
        default:
            unsafe base[place + 1] = UInt8(ascii: "u")
            unsafe base[place + 2] = 0x30
            unsafe base[place + 3] = 0x30
            unsafe base[place + 4] = Hex.digit(byte >> 4)
            unsafe base[place + 5] = Hex.digit(byte & 15)
            return place + 6
        }
        return place + 2
    }

    /// Appends compact JSON in member order.
    package mutating func append(json value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let value): value ? append("true") : append("false")
        case .number(let number): append(utf8: number.text)
        case .string(let text): append(jsonString: text)
        case .array(let elements):
            append(UInt8(ascii: "["))
            for index in elements.indices {
                if index > 0 { append(UInt8(ascii: ",")) }
                append(json: elements[index])
            }
            append(UInt8(ascii: "]"))
        case .object(let object):
            append(UInt8(ascii: "{"))
            var isFirst = true
            for member in object.members {
                if !isFirst { append(UInt8(ascii: ",")) }
                isFirst = false
                append(jsonString: member.key)
                append(UInt8(ascii: ":"))
                append(json: member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }

    /// Appends another's bytes.
    package mutating func append(_ other: borrowing ByteWriter) {
        unsafe append(UnsafeBufferPointer(start: other.base, count: other.count))
    }

    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    /// Appends lower-case hexadecimal digits.
    package mutating func append(hexOf bytes: [UInt8]) {
        reserve(bytes.count * 2)
        unsafe bytes.withUnsafeBufferPointer { bytes in
            for index in 0..<bytes.count {
                unsafe base[count + 2 * index] = Hex.digit(bytes[index] >> 4)
                unsafe base[count + 2 * index + 1] = Hex.digit(bytes[index] & 15)
            }
        }
        count += bytes.count * 2
    }

    /// Appends an address as `IPAddress.description` writes it.
    package mutating func append(address: IPAddress) {
        guard address.isIPv4 else { return append(utf8: address.description) }
        for index in 0..<4 {
            if index > 0 { append(UInt8(ascii: ".")) }
            append(decimal: Int(address.bytes[index]))
        }
    }

    /// Appends an integer in decimal, padded with zeros to `width`.
    package mutating func append(decimal value: Int, width: Int = 1) {
        if value >= 0, value < 10, width == 1 { return append(0x30 + UInt8(truncatingIfNeeded: value)) }
        if value < 0 { append(UInt8(ascii: "-")) }
        var digits = 1
        var rest = value.magnitude / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        digits = max(digits, width)
        reserve(digits)
        count += digits
        rest = value.magnitude
        for place in 1...digits {
            unsafe base[count - place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Appends memory that lives at least as long as the call.
    @unsafe package mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        guard let start = source.baseAddress else { return }
        reserve(source.count)
        unsafe (base + count).update(from: start, count: source.count)
        count += source.count
    }

    /// Makes room, so that as many bytes can follow without moving.
    @inline(__always) package mutating func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        let grown = max(capacity * 2, count + more)
        let next = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        unsafe next.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = unsafe next
        capacity = grown
    }
}
