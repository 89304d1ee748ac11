import Glibc
import Primitives
import Transport

/// Tells whether a port is free. Listeners share ports on purpose (`SO_REUSEPORT`), so only a socket without it can tell.
enum PortProbe {
    static func isFree(_ endpoint: Endpoint) -> Bool {
        guard endpoint.address.isIPv4 else { return true }  // listening itself will tell
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var on: CInt = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        let bytes = endpoint.address.bytes
        address.sin_addr.s_addr = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
