internal import CLinux
internal import Glibc
package import Primitives

extension Stream {
    /// Makes a connection and, when `tls` is given, completes the handshake. Only on the loop.
    /// - Parameter name: what the peer's certificate must be for; used with TLS alone.
    /// - Throws: `.refused` when nobody answers there, `.tls` when the certificate is not trusted, `.timeout`, `.resources`.
    package static func connect(
        to endpoint: Endpoint, on loop: EventLoop, tls: TLSClientContext?, name: String, deadline: MonotonicTime
    ) async throws(SocketError) -> Stream {
        let family = endpoint.address.isIPv4 ? AF_INET : AF_INET6
        let fd = socket(family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw SocketError(.resources, errno: errno) }
        let descriptor = FileDescriptor(fd)
        var on: CInt = 1
        unsafe setsockopt(fd, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        let code = unsafe endpoint.withSocketAddress { unsafe Glibc.connect(fd, $0, $1) }
        guard code == 0 || errno == EINPROGRESS else { throw SocketError(.refused, errno: errno) }
        let stream = try Stream(connecting: descriptor, to: endpoint.address, on: loop)
        try await stream.waitForWriting(until: deadline)
        let failure = stream.takeConnectError()
        guard failure == 0 else {
            stream.close()
            throw SocketError(.refused, errno: failure)
        }
        if let tls {
            try stream.secure(tls, name: name)
            try await stream.handshake(deadline: deadline)
        }
        return stream
    }
}
