internal import Glibc
package import Primitives

/// The addresses of this machine's own interfaces: a document of a stranger must not lead back to us (SSRF-3).
package enum OwnAddresses {
    /// As they are now; empty when the system does not say.
    package static func current() -> Set<IPAddress> {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var out: Set<IPAddress> = []
        var node = unsafe list
        while let current = unsafe node {
            if let socket = unsafe current.pointee.ifa_addr, let address = unsafe IPAddress(socket: socket) {
                out.insert(address)
            }
            unsafe node = current.pointee.ifa_next
        }
        return out
    }
}

extension IPAddress {
    /// What the system's lists of addresses point at; nil for what is neither IPv4 nor IPv6.
    init?(socket: UnsafeMutablePointer<sockaddr>) {
        let found: IPAddress? =
            switch unsafe CInt(socket.pointee.sa_family) {
            case AF_INET:
                unsafe UnsafeRawPointer(socket).withMemoryRebound(to: sockaddr_in.self, capacity: 1) { place in
                    unsafe withUnsafeBytes(of: place.pointee.sin_addr) { unsafe IPAddress(bytes: Array($0)) }
                }
            case AF_INET6:
                unsafe UnsafeRawPointer(socket).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { place in
                    unsafe withUnsafeBytes(of: place.pointee.sin6_addr) { unsafe IPAddress(bytes: Array($0)) }
                }
            default: nil
            }
        guard let found else { return nil }
        self = found
    }
}
