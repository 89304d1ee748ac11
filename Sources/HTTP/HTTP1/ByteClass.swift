/// Character classes of RFC 9110 and RFC 3986 as pairs of 64-bit sets: constants the compiler folds (R6).
enum ByteClass {
    /// token characters (RFC 9110 §5.6.2) without `_` and `.`, which some servers read as `-` (HDR-1).
    @inline(__always) static func isFieldName(_ byte: UInt8) -> Bool {
        // Nearly all of them: letters and hyphens.
        if (byte | 0x20) &- 0x61 < 26 || byte == 0x2D { return true }
        // ! # $ % & ' * + - 0-9 | A-Z ^ ` a-z | ~
        return contains(byte, low: 0x03FF_2CFA_0000_0000, high: 0x57FF_FFFF_47FF_FFFE)
    }

    /// Characters of a path as sent: pchar and `/`, less `;` (HTTP-4).
    @inline(__always) static func isPath(_ byte: UInt8) -> Bool {
        // ! $ % & ' ( ) * + , - . / 0-9 : = | @ A-Z _ a-z ~
        contains(byte, low: 0x27FF_FFF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    }

    /// Characters of a registered name or IPv4 address in `Host`: letters, digits, `-` `.` `_` `~`.
    @inline(__always) static func isRegisteredName(_ byte: UInt8) -> Bool {
        contains(byte, low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    /// What a field value may hold: no controls but tab (RFC 9110 §5.5).
    @inline(__always) static func isFieldValue(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == 0x09
    }

    @inline(__always) private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        guard byte < 128 else { return false }
        return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte & 63)) & 1 == 1
    }
}

extension Span<UInt8> {
    /// True when the bytes of `range`, letters lowered, are that lower-case literal.
    @inline(__always) func matches(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        guard range.count == literal.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where lowered(self[range.lowerBound + offset]) != (unsafe literal.utf8Start[offset]) {
            return false
        }
        return true
    }

    /// The range without spaces and tabs at either end.
    @inline(__always) func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
        while start < end, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }

    /// The range as text; invalid UTF-8 is repaired, so check the bytes first where that matters.
    func text(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The comma-separated elements of a list, trimmed, empty ones included.
    func listElements(_ range: Range<Int>) -> [Range<Int>] {
        var elements: [Range<Int>] = []
        var start = range.lowerBound
        for index in range where self[index] == UInt8(ascii: ",") {
            elements.append(trimmed(start..<index))
            start = index + 1
        }
        elements.append(trimmed(start..<range.upperBound))
        return elements
    }
}

@inline(__always) func lowered(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
}
