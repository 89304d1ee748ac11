internal import Primitives

/// Writes the members of one object, merging the record's own, which come in sorted order, with its sorted details.
///
/// A key is given as the literal that stands before its value: `,"seq":`, or `,"tool":"` for a text. Each member begins with
/// a comma; whoever writes the object makes a brace of the first.
struct MemberWriter {
    private let details: [(key: String, value: JSONValue)]
    private var next = 0

    init(details: [(key: String, value: JSONValue)]) { self.details = details }

    /// Begins a member; its value is written by the caller.
    @inline(__always) mutating func key(_ key: StaticString, into out: inout ByteWriter) {
        if next < details.count { flush(before: Self.name(in: key), into: &out) }
        out.append(key)
    }

    /// Nothing when the value is nil.
    /// - Parameter end: a byte from which on the text is left out.
    @inline(__always)
    mutating func text(_ key: StaticString, _ value: String?, endingBefore end: UInt8? = nil, into out: inout ByteWriter) {
        guard let value else { return }
        self.key(key, into: &out)
        out.append(auditText: value, endingBefore: end)
        out.append(UInt8(ascii: "\""))
    }

    /// Nothing when the value is nil.
    mutating func number(_ key: StaticString, _ value: Int?, into out: inout ByteWriter) {
        guard let value else { return }
        self.key(key, into: &out)
        out.append(decimal: value)
    }

    /// Nothing when the value is nil.
    mutating func address(_ key: StaticString, _ value: IPAddress?, into out: inout ByteWriter) {
        guard let value else { return }
        self.key(key, into: &out)
        out.append(address: value)
        out.append(UInt8(ascii: "\""))
    }

    /// Writes the details behind the last member.
    mutating func finish(into out: inout ByteWriter) { flush(before: nil, into: &out) }

    /// `tool` of `,"tool":"`.
    private static func name(in key: StaticString) -> String {
        String(key.description.dropFirst(2).prefix { $0 != "\"" })
    }

    private mutating func flush(before limit: String?, into out: inout ByteWriter) {
        while next < details.count {
            let detail = details[next]
            if let limit, detail.key >= limit { return }
            next += 1
            out.append(",\"")
            out.append(utf8: detail.key)
            out.append("\":")
            out.append(auditDetail: detail.value)
        }
    }
}

extension ByteWriter {
    /// Appends a further member's value: a text like any other, the rest canonical, too large a one as a note.
    fileprivate mutating func append(auditDetail value: JSONValue) {
        switch value {
        case .string(let text): append(quotedAuditText: text)
        case .null, .bool: append(json: value)
        default:
            let canonical = value.cleaned.canonical
            guard canonical.count <= AuditRecord.detailValueLimit else { return append("\"[too large]\"") }
            append(canonical)
        }
    }

    /// Appends an RFC 3339 time for within quotes, in UTC with milliseconds.
    mutating func append(auditTime time: Timestamp) {
        let civil = CivilTime(time)
        appendPair(civil.year / 100, then: nil)
        appendPair(civil.year % 100, then: UInt8(ascii: "-"))
        appendPair(civil.month, then: UInt8(ascii: "-"))
        appendPair(civil.day, then: UInt8(ascii: "T"))
        appendPair(civil.hour, then: UInt8(ascii: ":"))
        appendPair(civil.minute, then: UInt8(ascii: ":"))
        appendPair(civil.second, then: UInt8(ascii: "."))
        appendPair(civil.millisecond / 10, then: 0x30 + UInt8(truncatingIfNeeded: civil.millisecond % 10))
        append(UInt8(ascii: "Z"))
    }

    private mutating func appendPair(_ value: Int, then next: UInt8?) {
        append(0x30 + UInt8(truncatingIfNeeded: value / 10 % 10))
        append(0x30 + UInt8(truncatingIfNeeded: value % 10))
        if let next { append(next) }
    }

    /// As `append(auditText:)`, within quotes.
    mutating func append(quotedAuditText text: String) {
        append(UInt8(ascii: "\""))
        append(auditText: text)
        append(UInt8(ascii: "\""))
    }

    /// Appends a text for within quotes, without its control characters (C0, DEL, C1, line separators, direction overrides), at most
    /// 1 KiB of it, cut at a character.
    mutating func append(auditText text: String, endingBefore end: UInt8? = nil) {
        // Nearly always.
        if end == nil, append(plain: text, limit: AuditRecord.textLimit) { return }
        appendCleaned(text, endingBefore: end)
    }

    private mutating func appendCleaned(_ text: String, endingBefore end: UInt8?) {
        var text = text
        text.withUTF8 { source in
            var budget = AuditRecord.textLimit
            var run = 0
            var index = 0
            while index < source.count {
                let byte = unsafe source[index]
                let width = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
                if byte == end || width > budget { break }
                if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                    budget -= 1
                    index += 1
                    continue
                }
                let isControl = unsafe Self.isControl(source, at: index, width: width)
                if isControl || width == 1 {
                    unsafe append(UnsafeBufferPointer(rebasing: source[run..<index]))
                    run = index + width
                    if !isControl {
                        append(UInt8(ascii: "\\"))
                        append(byte)
                    }
                }
                if !isControl { budget -= width }
                index += width
            }
            if run < index { unsafe append(UnsafeBufferPointer(rebasing: source[run..<index])) }
        }
    }

    private static func isControl(_ source: UnsafeBufferPointer<UInt8>, at index: Int, width: Int) -> Bool {
        switch unsafe source[index] {
        case 0..<0x20, 0x7F: return true
        case 0xC2: return unsafe source[index + 1] < 0xA0
        case 0xE2:
            let last = unsafe source[index + 2]
            switch unsafe source[index + 1] {
            case 0x80: return (0xA8...0xAE).contains(last)  // U+2028 … U+202E
            case 0x81: return (0xA6...0xA9).contains(last)  // U+2066 … U+2069
            default: return false
            }
        default: return false
        }
    }
}

extension JSONValue {
    /// The same value with every text in it treated like a record's own.
    fileprivate var cleaned: JSONValue {
        switch self {
        case .string(let text): .string(text.auditClean)
        case .array(let elements): .array(elements.prefix(256).map(\.cleaned))
        case .object(let object): .object(JSONObject(object.members.prefix(256).map { ($0.key.auditClean, $0.value.cleaned) }))
        default: self
        }
    }
}

extension String {
    fileprivate var auditClean: String {
        var quoted = ByteWriter()
        quoted.append(quotedAuditText: self)
        return (try? JSONValue(parsing: quoted.bytes))?.string ?? ""
    }
}
