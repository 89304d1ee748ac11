/// Bytes under construction behind one pointer: an append is a bounds check and a store, where an array would prove itself
/// unique each time. For serializing; the finished bytes leave as an array.
@safe package struct ByteWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Bytes written so far.
    package private(set) var count = 0

    package init(capacity: Int = 512) {
        self.capacity = max(64, capacity)
        unsafe base = UnsafeMutablePointer<UInt8>.allocate(capacity: self.capacity)
    }

    deinit { unsafe base.deallocate() }

    /// Everything written so far.
    package var bytes: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }

    package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base[count] = byte
        count += 1
    }

    package mutating func append(_ literal: StaticString) {
        unsafe append(UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    package mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    package mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { unsafe append($0) }
    }

    /// Appends a quoted JSON string with the minimal escapes of RFC 8785 §3.2.2.2.
    package mutating func append(jsonString text: String) {
        var text = text
        text.withUTF8 { source in
            reserve(source.count * 6 + 2)  // every byte might become \u00XX
            var place = count
            unsafe base[place] = UInt8(ascii: "\"")
            place += 1
            for index in 0..<source.count {
                let byte = unsafe source[index]
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                    unsafe base[place] = byte
                    place += 1
                } else {
                    place = escape(byte, at: place)
                }
            }
            unsafe base[place] = UInt8(ascii: "\"")
            count = place + 1
        }
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

    private mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        guard let start = source.baseAddress else { return }
        reserve(source.count)
        unsafe (base + count).update(from: start, count: source.count)
        count += source.count
    }

    private mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let grown = max(capacity * 2, count + more)
        let next = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        unsafe next.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = unsafe next
        capacity = grown
    }
}
