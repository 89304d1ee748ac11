internal import Primitives

/// One event, ready to be written in either form. Values are bounded and escaped: nothing a peer sends can end the line,
/// forge a member or move the cursor of the terminal that shows it.
struct LogLine {
    let time: Timestamp
    let level: Logger.Level
    let message: StaticString
    let metadata: Logger.Metadata

    /// Longer values are cut here, in bytes, so that one line stays one atomic write.
    static let valueLimit = 1024

    var json: [UInt8] {
        var out: [UInt8] = []
        out.append("{\"time\":\"")
        out.append(utf8: time.rfc3339)
        out.append("\",\"level\":\"")
        out.append(utf8: level.rawValue)
        out.append("\",\"message\":")
        Self.appendQuoted("\(message)", to: &out)
        for (key, value) in metadata {
            out.append(UInt8(ascii: ","))
            Self.appendQuoted(key, to: &out)
            out.append(UInt8(ascii: ":"))
            appendJSON(value, to: &out)
        }
        out.append("}\n")
        return out
    }

    var text: [UInt8] {
        var out: [UInt8] = []
        out.append(utf8: time.rfc3339)
        out.append(UInt8(ascii: " "))
        out.append(utf8: level.rawValue)
        out.append(UInt8(ascii: " "))
        out.append(message)
        for (key, value) in metadata {
            out.append(UInt8(ascii: " "))
            out.append(utf8: key)
            out.append(UInt8(ascii: "="))
            appendJSON(value, to: &out)
        }
        out.append(UInt8(ascii: "\n"))
        return out
    }

    private func appendJSON(_ value: LogValue, to out: inout [UInt8]) {
        switch value {
        case .string(let text): Self.appendQuoted(text, to: &out)
        case .int(let number): out.append(decimal: number)
        case .bool(let flag): out.append(flag ? "true" : "false")
        case .double(let number): out.append(utf8: number.isFinite ? "\(number)" : "null")
        }
    }

    private static func appendQuoted(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        var written = 0
        for scalar in text.unicodeScalars {
            if written >= valueLimit {
                out.append("...")
                break
            }
            written += append(scalar, to: &out)
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) -> Int {
        let before = out.count
        switch scalar.value {
        case 0x22: out.append("\\\"")
        case 0x5C: out.append("\\\\")
        case 0x0A: out.append("\\n")
        case 0x0D: out.append("\\r")
        case 0x09: out.append("\\t")
        // C0, DEL and C1 steer terminals; the line separators end a line in some viewers.
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
            out.append("\\u")
            for shift in stride(from: 12, through: 0, by: -4) {
                out.append(Hex.digit(UInt8(truncatingIfNeeded: scalar.value >> UInt32(shift)) & 15))
            }
        default: out.append(utf8: String(Character(scalar)))
        }
        return out.count - before
    }
}
