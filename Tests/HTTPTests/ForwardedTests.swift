import HTTP
import Primitives
import Testing

@Suite struct ForwardedTests {
    private static func address(_ text: String) -> Forwarded.Node { IPAddress(text).map { .address($0) } ?? .hidden }

    static let accepted: [(String, [Forwarded.Node])] = [
        ("for=192.0.2.1", [address("192.0.2.1")]),
        ("For=192.0.2.1;Proto=https; by=203.0.113.43", [address("192.0.2.1")]),
        ("for=192.0.2.1, for=198.51.100.2", [address("192.0.2.1"), address("198.51.100.2")]),
        ("for=\"192.0.2.1:4711\"", [address("192.0.2.1")]),
        ("for=\"[2001:db8::17]:4711\"", [address("2001:db8::17")]), ("for=\"[2001:db8::17]\"", [address("2001:db8::17")]),
        ("for=\"\\1\\9\\2.0.2.1\"", [address("192.0.2.1")]),
        ("for=unknown, for=_hidden, for=\"_SEVKISEK:_port\"", [.hidden, .hidden, .hidden]),
        ("proto=https", [.hidden]), ("for=\"[::ffff:192.0.2.1]\"", [address("192.0.2.1")]),
    ]

    @Test(arguments: accepted)
    func `every element tells its node (RFC 7239)`(_ text: String, _ nodes: [Forwarded.Node]) {
        #expect(Forwarded.nodes(text) == nodes)
    }

    @Test(arguments: [
        "", ",", "for=192.0.2.1,", ",for=192.0.2.1", "for", "for=", "for =192.0.2.1", "for= 192.0.2.1",
        "for=192.0.2.1;for=192.0.2.2",
        "for=2001:db8::17", "for=[2001:db8::17]", "for=\"2001:db8::17\"", "for=\"[2001:db8::17\"", "for=\"192.0.2.1",
        "for=\"192.0.2.1\\",
        "for=192.0.2.256", "for=\"192.0.2.1:99999\"", "for=\"192.0.2.1:\"", "for=host.example", "for=_", "for=\"[192.0.2.1]\"",
        "for=192.0.2.1 for=192.0.2.2", "for=192.0.2.1;;proto=https", "=192.0.2.1", "for=\"192.0.2.1\u{0}\"", "for='192.0.2.1'",
    ])
    func `what is malformed tells nothing`(_ text: String) { #expect(Forwarded.nodes(text) == nil) }
}
