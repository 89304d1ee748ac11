package import Primitives

/// A name a certificate speaks for (RFC 5280 §4.2.1.6).
package enum SubjectName: Sendable, Hashable {
    case host(String)
    case address(IPAddress)

    /// Names of this machine alone.
    package static let local: [SubjectName] =
        [.host("localhost")] + ["127.0.0.1", "::1"].compactMap { IPAddress($0).map(SubjectName.address) }

    /// As OpenSSL's extension syntax wants it. Nil when a host name holds anything but letters, digits, `-`, `.` and `*`:
    /// a comma would add names nobody asked for.
    var extensionText: String? {
        switch self {
        case .host(let name): Self.isHostName(name) ? "DNS:\(name)" : nil
        case .address(let address): "IP:\(address)"
        }
    }

    /// As a permitted subtree of name constraints (RFC 5280 §4.2.1.10): the host and those below it, or the one address.
    var constraintText: String? {
        switch self {
        case .host: extensionText.map { "permitted;\($0)" }
        case .address(let address):
            "permitted;IP:\(address)/" + (address.isIPv4 ? "255.255.255.255" : "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF")
        }
    }

    private static func isHostName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 253
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "*"): true
                default: false
                }
            }
    }
}
