internal import CLinux
internal import Glibc
package import Primitives

/// Accepts connections on one loop. Not `Sendable`: made and used on that loop.
@safe package final class Listener {
    private let listening: ListeningSocket
    private let loop: EventLoop
    private let token: UInt64
    private let socket: UnsafeMutablePointer<SocketState>
    private var isClosed = false

    /// Only on the loop.
    package init(_ listening: ListeningSocket, on loop: EventLoop) throws(SocketError) {
        let entry = unsafe try loop.register(fd: listening.fd)
        token = unsafe entry.token
        unsafe socket = entry.socket
        self.loop = loop
        self.listening = listening
    }

    deinit { close() }

    /// A connection nobody serves yet; it must be made a `Stream` or dropped, which closes it.
    package struct Accepted: ~Copyable {
        let descriptor: FileDescriptor
        package let peer: IPAddress
    }

    /// Waits for the next connection. Nil when this listener was closed.
    /// - Throws: `.resources` when the system cannot give us another descriptor; wait a little and call again.
    package func accept() async throws(SocketError) -> Accepted? {
        while !isClosed {
            var address = sockaddr_storage()
            unsafe socket.pointee.readable = false
            let fd = unsafe gh_accept(listening.fd, &address)
            if fd >= 0 {
                let descriptor = FileDescriptor(fd)
                guard let peer = Endpoint(address)?.address else { continue }
                return Accepted(descriptor: descriptor, peer: peer)
            }
            switch errno {
            case EAGAIN: _ = unsafe await withUnsafeContinuation { unsafe socket.waitToRead($0) }
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: throw SocketError(.resources, errno: errno)
            case EBADF, EINVAL, ENOTSOCK: throw SocketError(.closed, errno: errno)
            default: continue  // accept(2): errors of the new connection itself are to be treated like EAGAIN by retrying
            }
        }
        return nil
    }

    /// Stops accepting and wakes `accept`. Connections in the backlog are reset by the kernel, unless the socket is kept.
    /// - Parameter keepsSocket: another process accepts from it too; shutting it down would take it from that one as well.
    package func close(keepsSocket: Bool = false) {
        guard !isClosed else { return }
        isClosed = true
        // Closing a descriptor another process shares would not end its events here.
        gh_epoll_remove(loop.epoll, listening.fd)
        if !keepsSocket, !listening.isShared { shutdown(listening.fd, CInt(SHUT_RDWR)) }
        unsafe socket.pointee.wake(.closed)
        loop.sockets.remove(token)
    }
}
