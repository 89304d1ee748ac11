package import Primitives

/// Which addresses an outbound fetch may never reach (SSRF-3; the special-purpose registries of RFC 6890). Pure.
///
/// IPv6 is refused by default: only global unicast (2000::/3) is public, which shuts out the unspecified and loopback
/// addresses, IPv4-compatible and IPv4-translated forms, NAT64, unique-local, link-local, site-local and multicast at once.
/// IPv4-mapped addresses arrive here as IPv4 already, because `IPAddress` folds them.
package enum AddressRules {
    package static func isForbidden(_ address: IPAddress) -> Bool {
        if address.isIPv4 { return forbidden4.contains { $0.contains(address) } }
        if !globalUnicast.contains(where: { $0.contains(address) }) { return true }
        if forbidden6.contains(where: { $0.contains(address) }) { return true }
        return embedded(in: address).map(isForbidden) ?? false
    }

    /// The IPv4 address an ISATAP interface identifier carries (RFC 5214 §6.1), whatever the prefix. 6to4 and Teredo carry one
    /// too, but their prefixes are forbidden whole.
    private static func embedded(in address: IPAddress) -> IPAddress? {
        let bytes = address.bytes
        // The universal/local and group bits of the first octet vary.
        guard bytes[8] & 0xFC == 0, bytes[9] == 0, bytes[10] == 0x5E, bytes[11] == 0xFE else { return nil }
        return IPAddress(bytes: Array(bytes[12...]))
    }

    private static let globalUnicast = ["2000::/3"].compactMap { Network($0) }

    private static let forbidden4 = [
        "0.0.0.0/8",  // this network
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  // private, RFC 1918
        "100.64.0.0/10",  // behind a carrier's translator, RFC 6598
        "127.0.0.0/8",  // loopback
        "169.254.0.0/16",  // link-local, where cloud metadata lives
        "192.0.0.0/24",  // protocol assignments
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  // documentation
        "192.88.99.0/24",  // 6to4 relays
        "198.18.0.0/15",  // benchmarks
        "224.0.0.0/4",  // multicast
        "240.0.0.0/4",  // reserved, and broadcast
    ].compactMap { Network($0) }

    private static let forbidden6 = [
        "2001::/23",  // protocol assignments, Teredo among them
        "2001:db8::/32", "3fff::/20",  // documentation
        "2002::/16",  // 6to4
    ].compactMap { Network($0) }
}
