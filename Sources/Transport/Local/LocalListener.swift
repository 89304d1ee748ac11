internal import CLinux
internal import Glibc

/// Waits for other processes of this machine at a path. Its calls block: for a thread of its own.
package final class LocalListener: Sendable {
    package let path: String
    private let fd: CInt

    /// Listens at the path, in place of whoever did before; readable and writable for this user alone.
    /// - Throws: `.bind`, with the path.
    package init(path: String) throws(SocketError) {
        let draft = path + ".new"
        let address = try LocalAddress(draft)
        let fd = socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw SocketError(.resources, errno: errno) }
        unsafe unlink(draft)
        // The mode of the descriptor becomes that of the file, before anyone could connect.
        fchmod(fd, 0o600)
        guard unsafe address.withPointer({ unsafe bind(fd, $0, $1) }) == 0, listen(fd, 8) == 0, unsafe rename(draft, path) == 0
        else {
            let code = errno
            Glibc.close(fd)
            unsafe unlink(draft)
            throw SocketError(.bind, errno: code, detail: path)
        }
        self.fd = fd
        self.path = path
    }

    deinit { Glibc.close(fd) }

    /// Waits for the next connection. Nil once closed.
    package func accept(patience: Duration) -> LocalConnection? {
        while true {
            let accepted = Glibc.accept(fd, nil, nil)
            if accepted < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                return nil
            }
            if let connection = try? LocalConnection(FileDescriptor(accepted), patience: patience) { return connection }
        }
    }

    /// Wakes `accept` and refuses connections from now on.
    package func close() { shutdown(fd, CInt(SHUT_RDWR)) }

    /// Removes the path. Not after another process took it.
    package func removePath() { unsafe unlink(path) }
}
