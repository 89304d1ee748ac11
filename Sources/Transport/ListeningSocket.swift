internal import CLinux
internal import Glibc
internal import Primitives

/// A bound and listening descriptor that closes itself. Several may share one port: the kernel spreads connections over
/// them (`SO_REUSEPORT`), so that each loop has its own queue.
package final class ListeningSocket: Sendable {
    let fd: CInt
    /// Where it really listens, with the port the system chose.
    package let endpoint: Endpoint
    /// Another process may accept from the same socket: it is let go, never shut down.
    let isShared: Bool

    /// Takes over a socket that another process bound.
    /// - Throws: `.bind` when the descriptor is no listening TCP socket; it is closed then.
    package convenience init(adopting fd: CInt) throws(SocketError) {
        let descriptor = FileDescriptor(fd)
        var isListening: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0, isListening == 1,
            let endpoint = Self.localEndpoint(of: fd), fcntl(fd, F_SETFD, FD_CLOEXEC) == 0,
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0
        else { throw SocketError(.bind, errno: errno, detail: "descriptor \(fd) is no listening TCP socket") }
        self.init(descriptor.release(), endpoint)
    }

    private init(_ fd: CInt, _ endpoint: Endpoint) {
        (self.fd, self.endpoint, isShared) = (fd, endpoint, true)
    }

    /// - Throws: `.bind` when the address cannot be had, `.resources` without descriptors.
    package init(_ endpoint: Endpoint) throws(SocketError) {
        let family = endpoint.address.isIPv4 ? AF_INET : AF_INET6
        let fd = socket(family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw SocketError(.resources, errno: errno) }
        Self.set(fd, SOL_SOCKET, SO_REUSEADDR)
        Self.set(fd, SOL_SOCKET, SO_REUSEPORT)
        if family == AF_INET6 { Self.set(fd, CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
        let isBound = unsafe endpoint.withSocketAddress { unsafe bind(fd, $0, $1) } == 0
        guard isBound, listen(fd, 4096) == 0, let actual = Self.localEndpoint(of: fd) else {
            let code = errno
            Glibc.close(fd)
            throw SocketError(.bind, errno: code, detail: endpoint.description)
        }
        (self.fd, self.endpoint, isShared) = (fd, actual, false)
    }

    deinit { Glibc.close(fd) }

    private static func set(_ fd: CInt, _ level: CInt, _ option: CInt) {
        var on: CInt = 1
        unsafe setsockopt(fd, level, option, &on, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func localEndpoint(of fd: CInt) -> Endpoint? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(fd, $0, &length) }
        }
        return code == 0 ? Endpoint(storage) : nil
    }
}
