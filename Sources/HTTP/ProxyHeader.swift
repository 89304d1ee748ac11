package import Primitives

/// The header of the PROXY protocol, version 2: who is behind a connection that a load balancer made. Read before anything
/// else, and only from peers that are trusted to tell (HDR-2).
package struct ProxyHeader: Sendable, Hashable {
    /// Who connected to the balancer; nil for a connection of its own (`LOCAL`), such as a health check.
    package let source: IPAddress?
    /// Bytes of the whole header.
    package let length: Int

    /// What is no header of version 2. The connection is closed without an answer.
    package enum Malformed: String, Error, Sendable {
        case signature = "proxy.signature"
        case version = "proxy.version"
        /// Neither TCP over IPv4 nor over IPv6.
        case family = "proxy.family"
        case length = "proxy.length"
        case extensions = "proxy.extensions"
    }

    /// Bytes that tell how long the whole is.
    package static let fixedLength = 16
    /// Addresses and extensions beyond so many bytes are refused.
    package static let extraLimit = 4096

    /// - Returns: nil until all of it has come.
    package static func parse(_ bytes: Span<UInt8>) throws(Malformed) -> ProxyHeader? {
        let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"
        for index in 0..<min(bytes.count, 12) where bytes[index] != (unsafe signature.utf8Start[index]) { throw .signature }
        if bytes.count > 12, bytes[12] != 0x20, bytes[12] != 0x21 { throw .version }
        guard bytes.count >= fixedLength else { return nil }
        let extra = Int(bytes[14]) << 8 | Int(bytes[15])
        guard extra <= extraLimit else { throw .length }
        let isLocal = bytes[12] == 0x20
        let width = try addressWidth(bytes[13], isLocal: isLocal)
        guard extra >= 2 * width + (width > 0 ? 4 : 0) else { throw .length }
        guard bytes.count >= fixedLength + extra else { return nil }
        let addresses = width > 0 ? 2 * width + 4 : 0
        if width > 0 || !isLocal { try checkExtensions(bytes, from: fixedLength + addresses, to: fixedLength + extra) }
        let source = isLocal ? nil : IPAddress(bytes: (0..<width).map { bytes[fixedLength + $0] })
        return ProxyHeader(source: source, length: fixedLength + extra)
    }

    /// Bytes of one address.
    private static func addressWidth(_ family: UInt8, isLocal: Bool) throws(Malformed) -> Int {
        switch family {
        case 0x11: return 4
        case 0x21: return 16
        // A receiver must take a local connection whatever its family says.
        default:
            guard isLocal else { throw .family }
            return 0
        }
    }

    /// Type, length and value each, to the last byte.
    private static func checkExtensions(_ bytes: Span<UInt8>, from start: Int, to end: Int) throws(Malformed) {
        var index = start
        while index < end {
            guard index + 3 <= end else { throw .extensions }
            index += 3 + (Int(bytes[index + 1]) << 8 | Int(bytes[index + 2]))
        }
        guard index == end else { throw .extensions }
    }
}
