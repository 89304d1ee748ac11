import HTTP
import Primitives
import Testing

@Suite struct ProxyHeaderTests {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xBB]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 9, count: 16) + [0, 1, 0, 2]

    static func header(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
    }

    private static func parse(_ bytes: [UInt8]) throws -> ProxyHeader? { try ProxyHeader.parse(bytes.span) }

    static let accepted: [([UInt8], String?)] = [
        (header(0x21, 0x11, v4), "192.0.2.1"), (header(0x21, 0x21, v6), "2001:db8::1"),
        (header(0x21, 0x11, v4 + [0x04, 0, 2, 7, 7, 0x20, 0, 0]), "192.0.2.1"), (header(0x20, 0x00, []), nil),
        (header(0x20, 0x11, v4), nil), (header(0x20, 0x00, [1, 2, 3]), nil),
    ]

    @Test(arguments: accepted)
    func `a header tells who is behind the connection`(_ bytes: [UInt8], _ source: String?) throws {
        let header = try #require(try Self.parse(bytes + Array("GET".utf8)))
        #expect(header.source?.description == source && header.length == bytes.count)
    }

    @Test(arguments: accepted.map(\.0))
    func `before its last byte a header says nothing yet`(_ bytes: [UInt8]) throws {
        for count in 0..<bytes.count { #expect(try Self.parse(Array(bytes[..<count])) == nil, "\(count) bytes") }
    }

    static let refused: [([UInt8], ProxyHeader.Malformed)] = [
        (Array("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n".utf8), .signature), (Array("\r\n\r\n\0\r\nQUIX".utf8), .signature),
        ([0x16, 0x03, 0x01], .signature), (header(0x31, 0x11, v4), .version), (header(0x22, 0x11, v4), .version),
        (header(0x21, 0x12, v4), .family), (header(0x21, 0x31, [UInt8](repeating: 0, count: 216)), .family),
        (header(0x21, 0x00, []), .family),
        (header(0x21, 0x11, Array(v4.dropLast())), .length), (header(0x21, 0x21, v4), .length),
        (header(0x21, 0x11, v4 + [UInt8](repeating: 0, count: 5000)), .length), (header(0x21, 0x11, v4 + [4]), .extensions),
        (header(0x21, 0x11, v4 + [4, 0, 9, 1]), .extensions),
    ]

    @Test(arguments: refused)
    func `anything else is refused, as soon as it shows`(_ bytes: [UInt8], _ reason: ProxyHeader.Malformed) {
        #expect(throws: reason) { try Self.parse(bytes) }
    }
}
