internal import Glibc

/// Why a socket could not be made, or an operation on it failed.
package struct SocketError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The process is out of descriptors or memory.
        case resources = "socket.resources"
        /// The address cannot be bound: in use, not ours, or a port that needs privileges.
        case bind = "socket.bind"
        /// Nobody accepts connections there.
        case refused = "socket.refused"
        /// The deadline passed.
        case timeout = "socket.timeout"
        /// The peer is gone, or we closed the connection.
        case closed = "socket.closed"
        /// The TLS handshake or record layer failed.
        case tls = "socket.tls"
    }

    package let code: Code
    /// The system's error number; 0 when there is none.
    package let errno: CInt
    /// What TLS had to say; for the log.
    package let detail: String

    package init(_ code: Code, errno: CInt = 0, detail: String = "") {
        self.code = code
        self.errno = errno
        self.detail = detail
    }

    package var description: String {
        var text = code.rawValue
        if errno != 0 { unsafe text += ": " + String(cString: strerror(errno)) }
        if !detail.isEmpty { text += ": " + detail }
        return text
    }
}
