/// An IPv4 or IPv6 address. IPv4-mapped IPv6 is folded into IPv4 so that one host has one spelling.
package struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes in network order.
    package let bytes: [UInt8]

    /// Nil unless 4 or 16 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        let isMapped = bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        self.bytes = isMapped ? Array(bytes[12...]) : bytes
    }

    /// Parses dotted IPv4 or RFC 4291 IPv6 without zone or brackets. Nil when malformed.
    package init?(_ text: some StringProtocol) {
        guard let bytes = text.utf8.contains(UInt8(ascii: ":")) ? Self.parseV6(String(text)) : Self.parseV4(String(text))
        else { return nil }
        self.init(bytes: bytes)
    }

    package var isIPv4: Bool { bytes.count == 4 }
    package var isLoopback: Bool { isIPv4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1 }

    /// The key of per-address limits: the address itself, or the /64 of an IPv6 one (BF-1).
    package var limitKey: IPAddress { isIPv4 ? self : IPAddress(bytes: bytes[..<8] + [UInt8](repeating: 0, count: 8)) ?? self }

    private static func parseV4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var out: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                part.utf8.count == 1 || part.utf8.first != 0x30, let value = UInt8(part)
            else { return nil }
            out.append(value)
        }
        return out
    }

    private static func parseV6(_ text: String) -> [UInt8]? {
        let halves = text.components(separatedBy: "::")
        guard halves.count <= 2 else { return nil }
        func groups(_ half: String) -> [UInt8]? {
            if half.isEmpty { return [] }
            var out: [UInt8] = []
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if part.utf8.contains(UInt8(ascii: ".")) {
                    guard index == parts.count - 1, let v4 = parseV4(String(part)) else { return nil }
                    out += v4
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ Hex.value(of: $0) != nil }),
                        let value = UInt16(part, radix: 16)
                    else { return nil }
                    out += [UInt8(value >> 8), UInt8(value & 255)]
                }
            }
            return out
        }
        guard let head = groups(halves[0]) else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1]), head.count + tail.count <= 14 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted IPv4, or IPv6 in the canonical form of RFC 5952.
    package var description: String {
        if isIPv4 {
            var out = ByteWriter(capacity: 64)
            out.append(address: self)
            return String(decoding: out.bytes, as: UTF8.self)
        }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var longest = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, groups[end] == 0 { end += 1 }
            if end - index > longest.count, end - index > 1 { longest = index..<end }
            index = max(end, index + 1)
        }
        func text(_ range: Range<Int>) -> String { groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
        return longest.isEmpty ? text(0..<8) : text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
    }
}

/// A block of addresses in CIDR notation.
package struct Network: Sendable, Hashable, CustomStringConvertible {
    package let base: IPAddress
    /// Count of leading bits that must agree.
    package let prefix: Int

    /// Parses `10.0.0.0/8`, `2001:db8::/32` or a single address. Nil when malformed or host bits are set.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let base = IPAddress(parts[0]) else { return nil }
        let width = base.bytes.count * 8
        guard let prefix = parts.count == 2 ? Int(parts[1]) : width, (0...width).contains(prefix) else { return nil }
        self.base = base
        self.prefix = prefix
        guard (prefix..<width).allSatisfy({ base.bytes[$0 / 8] & (0x80 >> UInt8($0 % 8)) == 0 }) else { return nil }
    }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        let whole = prefix / 8
        guard address.bytes[..<whole] == base.bytes[..<whole] else { return false }
        guard prefix % 8 != 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> (prefix % 8))
        return address.bytes[whole] & mask == base.bytes[whole] & mask
    }

    package var description: String { "\(base)/\(prefix)" }
}

extension String {
    /// Splits at each occurrence of a separator; empty pieces stay.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var pieces: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            pieces.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return pieces + [String(rest)]
    }
}
