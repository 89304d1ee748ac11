internal import Glibc
internal import Primitives

/// Endpoints in the form the kernel wants them.
extension Endpoint {
    init?(_ storage: sockaddr_storage) {
        let family = CInt(storage.ss_family)
        let (address, port): (IPAddress?, UInt16) = unsafe withUnsafeBytes(of: storage) { raw in
            switch family {
            case AF_INET:
                let v4 = unsafe raw.load(as: sockaddr_in.self)
                return unsafe (
                    IPAddress(bytes: withUnsafeBytes(of: v4.sin_addr) { unsafe Array($0) }), UInt16(bigEndian: v4.sin_port)
                )
            case AF_INET6:
                let v6 = unsafe raw.load(as: sockaddr_in6.self)
                return unsafe (
                    IPAddress(bytes: withUnsafeBytes(of: v6.sin6_addr) { unsafe Array($0) }), UInt16(bigEndian: v6.sin6_port)
                )
            default: return (nil, 0)
            }
        }
        guard let address else { return nil }
        self.init(address, port: port)
    }

    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        let length = unsafe withUnsafeMutableBytes(of: &storage) { raw in
            if address.isIPv4 {
                var v4 = sockaddr_in()
                v4.sin_family = sa_family_t(AF_INET)
                v4.sin_port = port.bigEndian
                unsafe withUnsafeMutableBytes(of: &v4.sin_addr) { unsafe $0.copyBytes(from: address.bytes) }
                unsafe raw.storeBytes(of: v4, as: sockaddr_in.self)
                return MemoryLayout<sockaddr_in>.size
            }
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &v6.sin6_addr) { unsafe $0.copyBytes(from: address.bytes) }
            unsafe raw.storeBytes(of: v6, as: sockaddr_in6.self)
            return MemoryLayout<sockaddr_in6>.size
        }
        return unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(length)) }
        }
    }
}
