extension [UInt8] {
    /// Appends the characters of a literal, which must be ASCII.
    package mutating func append(_ literal: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends a string as UTF-8.
    package mutating func append(utf8 text: String) {
        append(contentsOf: text.utf8)
    }

    /// As for `Int`.
    package mutating func append(decimal value: Int64, width: Int = 1) { append(decimal: Int(value), width: width) }

    /// Appends an integer in decimal, padded with zeros to `width`. Not generic: across modules that costs more than the work.
    package mutating func append(decimal value: Int, width: Int = 1) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var digits = 1
        var bound = value.magnitude / 10
        while bound > 0 {
            digits += 1
            bound /= 10
        }
        digits = Swift.max(digits, width)
        append(contentsOf: repeatElement(0x30, count: digits))
        var rest = value.magnitude
        var place = count
        while rest > 0 {
            place -= 1
            self[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}

extension String {
    /// The UTF-8 bytes for the time of the call. Unlike `withUTF8`, needs no copy of the string and counts no references.
    @unsafe @inline(__always) package func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        unsafe utf8Span.span.withUnsafeBufferPointer { unsafe body($0) }
    }
}

/// Lower-case hexadecimal.
package enum Hex {
    package static func encode(_ bytes: some Collection<UInt8>) -> String { encode(Array(bytes)) }

    /// Not generic: across modules that costs more than the work.
    package static func encode(_ bytes: [UInt8]) -> String {
        unsafe String(unsafeUninitializedCapacity: bytes.count * 2) { out in
            var place = 0
            for index in bytes.indices {
                let byte = bytes[index]
                unsafe out[place] = digit(byte >> 4)
                unsafe out[place + 1] = digit(byte & 15)
                place += 2
            }
            return place
        }
    }

    /// Nil unless an even count of hexadecimal digits, either case.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var out: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            guard let value = value(of: byte) else { return nil }
            if let first = high {
                out.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? out : nil
    }

    /// The value of one hexadecimal digit of either case.
    package static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    package static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }
}

/// Base64 of RFC 4648, strict both ways: alphabet, padding and zero trailing bits are checked.
package enum Base64 {
    package enum Alphabet: Sendable {
        /// RFC 4648 §4, with padding.
        case standard
        /// RFC 4648 §5, without padding, as OAuth and JWT use it.
        case url
    }

    package static func encode(_ bytes: some Sequence<UInt8>, _ alphabet: Alphabet = .url) -> String {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                out.append(character(UInt8(truncatingIfNeeded: bits >> UInt32(count)) & 63, alphabet))
            }
        }
        if count > 0 { out.append(character(UInt8(truncatingIfNeeded: bits << UInt32(6 - count)) & 63, alphabet)) }
        if alphabet == .standard { while out.count % 4 != 0 { out.append(UInt8(ascii: "=")) } }
        return String(decoding: out, as: UTF8.self)
    }

    /// Nil when any character, the padding or the unused trailing bits are not canonical.
    package static func decode(_ text: some StringProtocol, _ alphabet: Alphabet = .url) -> [UInt8]? {
        var input = Array(text.utf8)
        if alphabet == .standard {
            guard input.count % 4 == 0 else { return nil }
            for _ in 0..<2 where input.last == UInt8(ascii: "=") { input.removeLast() }
        }
        guard input.count % 4 != 1 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(input.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in input {
            guard let value = value(of: byte, alphabet) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bits & ((1 << UInt32(count)) - 1) == 0 ? out : nil
    }

    private static func character(_ value: UInt8, _ alphabet: Alphabet) -> UInt8 {
        switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: alphabet == .url ? UInt8(ascii: "-") : UInt8(ascii: "+")
        default: alphabet == .url ? UInt8(ascii: "_") : UInt8(ascii: "/")
        }
    }

    private static func value(of byte: UInt8, _ alphabet: Alphabet) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "-") where alphabet == .url, UInt8(ascii: "+") where alphabet == .standard: 62
        case UInt8(ascii: "_") where alphabet == .url, UInt8(ascii: "/") where alphabet == .standard: 63
        default: nil
        }
    }
}
