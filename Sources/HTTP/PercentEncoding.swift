internal import Primitives

/// Percent-encoding of RFC 3986 and its form variant (WHATWG URL §5).
package enum PercentEncoding {
    /// Decodes `%XX`, and `+` as a space when `form` is set. Nil when an escape is broken or the result is no UTF-8.
    package static func decode(_ bytes: some Collection<UInt8>, form: Bool = false) -> String? {
        decode(Array(bytes)[...], form: form)
    }

    /// Not generic: across modules that costs more than the work.
    package static func decode(_ bytes: ArraySlice<UInt8>, form: Bool = false) -> String? {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "%"):
                guard index + 2 <= bytes.endIndex, let high = Hex.value(of: bytes[index]), let low = Hex.value(of: bytes[index + 1])
                else { return nil }
                out.append(high << 4 | low)
                index += 2
            case UInt8(ascii: "+") where form: out.append(0x20)
            default: out.append(byte)
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    /// Encodes everything but the unreserved characters of RFC 3986 §2.3.
    package static func encode(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            default:
                out.append(UInt8(ascii: "%"))
                out.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
