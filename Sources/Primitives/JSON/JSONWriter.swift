extension JSONValue {
    /// Compact JSON in member order.
    package var serialized: [UInt8] {
        var writer = ByteWriter()
        writer.append(json: self)
        return writer.bytes
    }

    /// Compact JSON as text.
    package var text: String { String(decoding: serialized, as: UTF8.self) }

    /// The canonical form of RFC 8785: members sorted by UTF-16 units, shortest numbers, minimal escapes.
    package var canonical: [UInt8] {
        var out: [UInt8] = []
        writeCanonical(into: &out)
        return out
    }

    /// Two-space indented JSON for people.
    package var pretty: String {
        var out: [UInt8] = []
        writePretty(into: &out, indent: 0)
        return String(decoding: out, as: UTF8.self)
    }

    private func writeCanonical(into out: inout [UInt8]) {
        switch self {
        case .number(let number): out.append(utf8: number.canonical)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                element.writeCanonical(into: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            out.append(UInt8(ascii: "{"))
            let sorted = object.members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                out.append(jsonString: member.key)
                out.append(UInt8(ascii: ":"))
                member.value.writeCanonical(into: &out)
            }
            out.append(UInt8(ascii: "}"))
        default: out.append(json: self)
        }
    }

    private func writePretty(into out: inout [UInt8], indent: Int) {
        func line(_ depth: Int) {
            out.append(0x0A)
            out.append(contentsOf: repeatElement(0x20, count: depth * 2))
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                line(indent + 1)
                element.writePretty(into: &out, indent: indent + 1)
            }
            line(indent)
            out.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            out.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                line(indent + 1)
                out.append(jsonString: member.key)
                out.append(": ")
                member.value.writePretty(into: &out, indent: indent + 1)
            }
            line(indent)
            out.append(UInt8(ascii: "}"))
        default: out.append(json: self)
        }
    }
}

extension JSONNumber {
    /// The ECMAScript form RFC 8785 §3.2.2.3 asks for. Integers beyond 2^53 lose precision there as they do in every reader.
    var canonical: String {
        if let integer = Int(text), abs(integer) <= 1 << 53 { return String(integer) }
        let value = double
        if value == value.rounded(), abs(value) < 1e21 {
            return abs(value) < 9e18 ? String(Int64(value)) : Self.wideInteger(value)
        }
        return Self.ecmaScript(value)
    }

    private static func wideInteger(_ value: Double) -> String {
        let shortest = "\(abs(value))".lowercased()
        let parts = shortest.split(separator: "e")
        let digits = parts[0].split(separator: ".").joined()
        let trimmed = parts[0].hasSuffix(".0") ? String(parts[0].dropLast(2)) : digits
        let exponent = parts.count > 1 ? Int(parts[1].filter { $0 != "+" }) ?? 0 : 0
        let point = (parts[0].split(separator: ".").first?.count ?? 1) + exponent
        let padded = trimmed + String(repeating: "0", count: max(0, point - trimmed.count))
        return (value < 0 ? "-" : "") + padded
    }

    private static func ecmaScript(_ value: Double) -> String {
        var text = "\(value)".lowercased()
        if text.hasSuffix(".0") { text.removeLast(2) }
        guard let e = text.firstIndex(of: "e") else { return text }
        let exponent = Int(text[text.index(after: e)...].filter { $0 != "+" }) ?? 0
        var mantissa = String(text[..<e])
        if mantissa.hasSuffix(".0") { mantissa.removeLast(2) }
        let isNegative = mantissa.hasPrefix("-")
        if isNegative { mantissa.removeFirst() }
        let digits = mantissa.filter { $0 != "." }
        if exponent < 0, exponent >= -6 {  // ECMAScript writes these without an exponent
            return (isNegative ? "-" : "") + "0." + String(repeating: "0", count: -exponent - 1) + digits
        }
        return (isNegative ? "-" : "") + mantissa + "e" + (exponent < 0 ? "-" : "+") + String(abs(exponent))
    }
}

extension [UInt8] {
    /// Appends compact JSON.
    package mutating func append(json value: JSONValue) { append(contentsOf: value.serialized) }

    /// Appends a quoted JSON string with the minimal escapes of RFC 8785 §3.2.2.2.
    package mutating func append(jsonString text: String) {
        var writer = ByteWriter(capacity: text.utf8.count + 16)
        writer.append(jsonString: text)
        append(contentsOf: writer.bytes)
    }
}
