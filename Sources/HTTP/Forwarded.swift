package import Primitives

/// The `Forwarded` field (RFC 7239), strictly: proxies we trust write it, but what comes before theirs anyone may have.
package enum Forwarded {
    /// Who sent a request to the proxy that wrote the element.
    package enum Node: Sendable, Hashable {
        case address(IPAddress)
        /// `unknown`, or a name that stands for an address only its proxy knows.
        case hidden
    }

    /// The `for` of every element, in order; nil when anything is malformed.
    package static func nodes(_ text: String) -> [Node]? {
        var reader = Reader(Array(text.utf8))
        var nodes: [Node] = []
        repeat {
            guard let node = reader.element() else { return nil }
            nodes.append(node)
        } while reader.takes(UInt8(ascii: ","))
        return reader.isAtEnd ? nodes : nil
    }

    private struct Reader {
        private let bytes: [UInt8]
        private var index = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { index == bytes.count }

        /// True when the next byte, white space around it dropped, is this one; then it is used up.
        mutating func takes(_ byte: UInt8) -> Bool {
            skipSpace()
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            skipSpace()
            return true
        }

        /// pair *( ";" pair ), of which exactly one is `for`; an element without one says nothing of who came.
        mutating func element() -> Node? {
            skipSpace()
            var node: Node?
            var names: Set<String> = []
            repeat {
                guard let name = token()?.lowercased(), names.insert(name).inserted, index < bytes.count,
                    bytes[index] == UInt8(ascii: "=")
                else { return nil }
                index += 1
                guard let value = token() ?? quoted() else { return nil }
                if name == "for" {
                    guard let parsed = Forwarded.node(value) else { return nil }
                    node = parsed
                }
            } while takes(UInt8(ascii: ";"))
            return node ?? .hidden
        }

        private mutating func skipSpace() {
            while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        }

        private mutating func token() -> String? {
            let start = index
            while index < bytes.count, Token.isCharacter(bytes[index]) { index += 1 }
            return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
        }

        /// RFC 9110 §5.6.4.
        private mutating func quoted() -> String? {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
            var out: [UInt8] = []
            index += 1
            while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                if bytes[index] == UInt8(ascii: "\\") { index += 1 }
                guard index < bytes.count, ByteClass.isFieldValue(bytes[index]) else { return nil }
                out.append(bytes[index])
                index += 1
            }
            guard index < bytes.count else { return nil }
            index += 1
            return String(decoding: out, as: UTF8.self)
        }
    }

    /// RFC 7239 §6: an address with or without a port, IPv6 in brackets; `unknown`; or `_` and a name.
    private static func node(_ text: String) -> Node? {
        let host: Substring
        var rest: Substring
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<bracket]
            rest = text[text.index(after: bracket)...]
            guard host.contains(":") else { return nil }
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
        }
        if !rest.isEmpty {
            rest = rest.dropFirst()
            guard isPort(rest) else { return nil }
        }
        if let address = IPAddress(host) { return .address(address) }
        let isHidden =
            host.lowercased() == "unknown" || host.utf8.count > 1 && host.hasPrefix("_") && host.utf8.allSatisfy(isObfuscated)
        return isHidden ? .hidden : nil
    }

    private static func isPort(_ text: Substring) -> Bool {
        if text.hasPrefix("_") { return text.utf8.count > 1 && text.utf8.allSatisfy(isObfuscated) }
        return (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && Int(text).map { $0 <= 65_535 } == true
    }

    private static func isObfuscated(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
