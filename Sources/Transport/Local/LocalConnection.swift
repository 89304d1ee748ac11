internal import CLinux
internal import Glibc

/// A connection to another process of this machine that carries whole messages, and listening sockets beside them. Its calls
/// block, each for at most `patience`: not for event loops.
package final class LocalConnection: Sendable {
    private let fd: CInt
    /// The process at the other end.
    package let peerID: Int
    /// True when the other end runs as the same user, or as root.
    package let isTrusted: Bool

    private static let messageLimit = 4096

    /// Takes over a connected descriptor.
    init(_ descriptor: consuming FileDescriptor, patience: Duration) throws(SocketError) {
        var (pid, uid): (CInt, UInt32) = (0, 0)
        guard Self.limit(descriptor.raw, to: patience), unsafe gh_peer(descriptor.raw, &pid, &uid) == 0 else {
            throw SocketError(.resources, errno: errno)
        }
        fd = descriptor.release()
        peerID = Int(pid)
        isTrusted = uid == geteuid() || uid == 0
    }

    deinit { Glibc.close(fd) }

    /// Connects to whoever listens at a path. - Throws: `.closed` when nobody does.
    package static func connect(to path: String, patience: Duration) throws(SocketError) -> LocalConnection {
        let address = try LocalAddress(path)
        let fd = socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw SocketError(.resources, errno: errno) }
        let descriptor = FileDescriptor(fd)
        guard limit(fd, to: patience), unsafe address.withPointer({ unsafe Glibc.connect(fd, $0, $1) }) == 0 else {
            throw SocketError(.closed, errno: errno, detail: path)
        }
        return try LocalConnection(descriptor, patience: patience)
    }

    private static func limit(_ fd: CInt, to patience: Duration) -> Bool {
        var limit = timeval(tv_sec: Int(patience.components.seconds), tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        return unsafe setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == 0
            && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, size) == 0
    }

    /// Sends one message, at most 4 KiB, with the sockets beside it, at most 64.
    package func send(_ message: String, _ sockets: [ListeningSocket] = []) throws(SocketError) {
        let descriptors = sockets.map(\.fd)
        let bytes = Array(message.utf8)
        let sent = unsafe gh_send_descriptors(fd, bytes, bytes.count, descriptors, descriptors.count)
        guard sent == bytes.count else { throw SocketError(.closed, errno: errno) }
    }

    /// Waits for one message. Nil when the other end has closed.
    /// - Throws: `.timeout` when none comes in time, `.bind` when what comes beside it is no listening socket.
    package func receive() throws(SocketError) -> (message: String, sockets: [ListeningSocket])? {
        var bytes = [UInt8](repeating: 0, count: Self.messageLimit)
        var descriptors = [CInt](repeating: -1, count: Int(GH_DESCRIPTORS))
        var count = 0
        let got = unsafe gh_receive_descriptors(fd, &bytes, bytes.count, &descriptors, &count)
        let code = errno
        var sockets: [ListeningSocket] = []
        var failure: SocketError?
        for descriptor in descriptors.prefix(count) {
            // Each is adopted or closed, whatever became of the others.
            do throws(SocketError) { sockets.append(try ListeningSocket(adopting: descriptor)) } catch { failure = error }
        }
        if got < 0 { throw SocketError(code == EAGAIN ? .timeout : .closed, errno: code) }
        if let failure { throw failure }
        return got == 0 ? nil : (String(decoding: bytes.prefix(got), as: UTF8.self), sockets)
    }
}
