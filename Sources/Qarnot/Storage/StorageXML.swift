internal import Primitives

/// A scanner for the few documents S3 answers with: it looks for the elements it is asked for and skips the rest.
enum StorageXML {
    /// The contents of every element of that name, in order.
    static func all(_ name: String, in bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var out: [ArraySlice<UInt8>] = []
        var rest = bytes
        while let (inner, after) = content(of: name, in: rest) {
            out.append(inner)
            rest = after
        }
        return out
    }

    /// The text of the first element of that name; nil when there is none or it holds elements.
    static func text(of name: String, in bytes: [UInt8]) -> String? { text(of: name, in: bytes[...]) }

    static func text(of name: String, in bytes: ArraySlice<UInt8>) -> String? {
        guard let inner = content(of: name, in: bytes)?.inner, !inner.contains(UInt8(ascii: "<")) else { return nil }
        return unescaped(String(decoding: inner, as: UTF8.self))
    }

    /// What stands between the first start tag of that name and its end tag, and what follows.
    static func content(of name: String, in bytes: ArraySlice<UInt8>) -> (
        inner: ArraySlice<UInt8>, rest: ArraySlice<UInt8>
    )? {
        var from = bytes.startIndex
        while let open = find(Array("<\(name)".utf8), in: bytes[from...]) {
            let afterName = open + name.utf8.count + 1
            guard afterName < bytes.endIndex else { return nil }
            guard bytes[afterName] == UInt8(ascii: ">") || bytes[afterName] == 0x20 else {
                from = afterName
                continue
            }
            guard let start = bytes[afterName...].firstIndex(of: UInt8(ascii: ">")),
                let end = find(Array("</\(name)>".utf8), in: bytes[start...])
            else { return nil }
            return (bytes[(start + 1)..<end], bytes[(end + name.utf8.count + 3)...])
        }
        return nil
    }

    private static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        var place = bytes.startIndex
        while let start = bytes[place...].firstIndex(of: pattern[0]) {
            if bytes[start...].starts(with: pattern) { return start }
            place = start + 1
        }
        return nil
    }

    private static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        let entities = ["quot": "\"", "apos": "'", "lt": "<", "gt": ">", "amp": "&"]
        var out = ""
        var rest = text[...]
        while let mark = rest.firstIndex(of: "&") {
            out += rest[..<mark]
            guard let end = rest[mark...].firstIndex(of: ";") else { return out + rest[mark...] }
            let name = String(rest[rest.index(after: mark)..<end])
            let isHex = name.hasPrefix("#x")
            let number = name.hasPrefix("#") ? UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10) : nil
            out += entities[name] ?? number.flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? "&\(name);"
            rest = rest[rest.index(after: end)...]
        }
        return out + rest
    }
}
