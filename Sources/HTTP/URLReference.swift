/// An absolute URL split once, strictly: what a redirect URI, a resource or an origin is compared and rebuilt from.
package struct URLReference: Sendable, Hashable {
    /// In lower case.
    package let scheme: String
    /// In lower case; IPv6 without brackets. Empty for schemes without authority.
    package let host: String
    package let isIPv6: Bool
    package let port: Int?
    /// As written, including the leading slash; may be empty.
    package let path: String
    package let query: String?
    package let fragment: String?
    package let hasUserInfo: Bool
    package let hasAuthority: Bool

    /// Nil for anything with white space, control bytes, non-ASCII, a backslash, a broken escape, port or authority.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ Self.isAllowed($0) }),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0
        else { return nil }
        let schemeBytes = bytes[..<colon]
        guard let first = schemeBytes.first, first | 0x20 >= 0x61, first | 0x20 <= 0x7A,
            schemeBytes.allSatisfy({ Self.isAlphanumeric($0) || Self.isSchemeMark($0) })
        else { return nil }
        var rest = bytes[(colon + 1)...]
        (rest, fragment) = Self.cut(rest, at: UInt8(ascii: "#"))
        (rest, query) = Self.cut(rest, at: UInt8(ascii: "?"))
        scheme = String(decoding: schemeBytes, as: UTF8.self).lowercased()
        hasAuthority = rest.starts(with: "//".utf8)
        guard Self.escapesAreWhole(bytes) else { return nil }
        guard hasAuthority else {
            (host, isIPv6, port, hasUserInfo) = ("", false, nil, false)
            path = String(decoding: rest, as: UTF8.self)
            return
        }
        rest = rest.dropFirst(2)
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        path = String(decoding: rest[slash...], as: UTF8.self)
        var authority = rest[..<slash]
        hasUserInfo = authority.contains(UInt8(ascii: "@"))
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) { authority = authority[(at + 1)...] }
        guard let parsed = Self.parse(authority) else { return nil }
        (host, isIPv6, port) = parsed
    }

    /// `scheme://host[:port]` with default ports dropped: how browsers spell an origin.
    package var origin: String {
        let bracketed = isIPv6 ? "[\(host)]" : host
        guard let port, port != Self.defaultPort(scheme) else { return "\(scheme)://\(bracketed)" }
        return "\(scheme)://\(bracketed):\(port)"
    }

    package static func defaultPort(_ scheme: String) -> Int? {
        switch scheme {
        case "https": 443
        case "http": 80
        default: nil
        }
    }

    /// Printable ASCII without the characters no URL holds unescaped.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "^"), UInt8(ascii: "`"),
            UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private static func isSchemeMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// What RFC 3986 §3.2.2 lets a registered name hold beside letters and digits.
    private static func isNameMark(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: "!"),
            UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"),
            UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func cut(_ bytes: ArraySlice<UInt8>, at mark: UInt8) -> (ArraySlice<UInt8>, String?) {
        guard let place = bytes.firstIndex(of: mark) else { return (bytes, nil) }
        return (bytes[..<place], String(decoding: bytes[(place + 1)...], as: UTF8.self))
    }

    private static func escapesAreWhole(_ bytes: [UInt8]) -> Bool {
        for index in bytes.indices where bytes[index] == UInt8(ascii: "%") {
            guard index + 2 < bytes.count, isHex(bytes[index + 1]), isHex(bytes[index + 2]) else { return false }
        }
        return true
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func parse(_ authority: ArraySlice<UInt8>) -> (String, Bool, Int?)? {
        var host = authority
        var port: Int?
        let isIPv6 = authority.first == UInt8(ascii: "[")
        let end = isIPv6 ? authority.firstIndex(of: UInt8(ascii: "]")) : authority.startIndex
        guard let end else { return nil }
        if let colon = authority[end...].firstIndex(of: UInt8(ascii: ":")) {
            let digits = authority[(colon + 1)...]
            guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let value = Int(String(decoding: digits, as: UTF8.self)), (1...65535).contains(value)
            else { return nil }
            port = value
            host = authority[..<colon]
        }
        if isIPv6 {
            guard host.last == UInt8(ascii: "]") else { return nil }
            host = host.dropFirst().dropLast()
            guard host.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }) else { return nil }
        } else {
            guard !host.isEmpty, host.allSatisfy({ isAlphanumeric($0) || isNameMark($0) }) else { return nil }
        }
        return (String(decoding: host, as: UTF8.self).lowercased(), isIPv6, port)
    }
}
