internal import CLinux
internal import Glibc

/// Sends a text to a datagram socket of this machine, as the protocol of sd_notify(3) does.
package enum LocalDatagram {
    /// - Parameter path: a path, or an abstract name that begins with `@`.
    /// - Returns: false when nobody listens there.
    @discardableResult
    package static func send(_ text: String, to path: String) -> Bool {
        guard let address = try? LocalAddress(path) else { return false }
        let fd = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        let bytes = Array(text.utf8)
        return unsafe address.withPointer {
            unsafe sendto(fd, bytes, bytes.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT), $0, $1)
        } == bytes.count
    }
}
