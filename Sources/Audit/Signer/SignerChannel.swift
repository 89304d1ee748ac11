internal import CLinux
internal import Glibc
internal import Primitives

/// A connection between gateway and signer that carries whole messages (SOCK_SEQPACKET). Its calls block their thread.
package final class SignerChannel: Sendable {
    private let socket: Descriptor
    /// Called when the channel goes.
    private let onClose: (@Sendable () -> Void)?

    init(_ socket: consuming Descriptor, onClose: (@Sendable () -> Void)? = nil) {
        self.socket = socket
        self.onClose = onClose
    }

    deinit {
        shutdown(socket.number, CInt(SHUT_RDWR))
        onClose?()
    }

    /// Both ends of a channel.
    struct Ends: ~Copyable {
        let ours: Descriptor
        let theirs: Descriptor

        /// Ours, with the other end given up here.
        consuming func channel(onClose: (@Sendable () -> Void)? = nil) -> SignerChannel {
            SignerChannel(ours, onClose: onClose)
        }
    }

    static func pair() throws(AuditError) -> Ends {
        var ends: [CInt] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw AuditError(.noSigner, SystemFailure.text("socketpair"))
        }
        return Ends(ours: Descriptor(adopting: ends[0]), theirs: Descriptor(adopting: ends[1]))
    }

    /// Connects to a signer that runs by itself.
    package static func connect(to path: String) throws(AuditError) -> SignerChannel {
        let number = Glibc.socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw AuditError(.noSigner, SystemFailure.text("socket")) }
        let socket = Descriptor(adopting: number)
        guard let address = SocketPath(path), unsafe address.withPointer({ unsafe Glibc.connect(number, $0, $1) }) == 0 else {
            throw AuditError(.noSigner, SystemFailure.text("connecting to", path))
        }
        return SignerChannel(socket)
    }

    /// Waits for the signer's first word without taking it.
    /// - Throws: `.noSigner` with what the signer says when it cannot sign.
    package func awaitGreeting(atMost patience: Duration) throws(AuditError) {
        guard wait(for: POLLIN, atMost: patience) else { throw AuditError(.noSigner, "the signer does not answer") }
        var bytes = [UInt8](repeating: 0, count: SignerMessage.limit)
        let count = unsafe recv(socket.number, &bytes, bytes.count, CInt(MSG_PEEK))
        switch SignerMessage(Array(bytes.prefix(max(0, count)))) {
        case .ready, .waiting: return
        case .refusal(let text): throw AuditError(.noSigner, text)
        default: throw AuditError(.noSigner, "the signer ended at once")
        }
    }

    func send(_ message: SignerMessage) throws(AuditError) {
        let bytes = message.bytes
        guard wait(for: POLLOUT, atMost: .seconds(5)),
            unsafe Glibc.send(socket.number, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
        else { throw AuditError(.noSigner, "the signer does not listen") }
    }

    /// Nil when the other end has closed.
    /// - Throws: `.noSigner` when nothing comes in time, or nothing we know.
    func receive(atMost patience: Duration) throws(AuditError) -> SignerMessage? {
        guard wait(for: POLLIN, atMost: patience) else { throw AuditError(.noSigner, "the signer does not answer") }
        var bytes = [UInt8](repeating: 0, count: SignerMessage.limit)
        let count = unsafe recv(socket.number, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        guard let message = SignerMessage(Array(bytes[..<count])) else { throw AuditError(.noSigner, "the signer talks nonsense") }
        return message
    }

    /// True when something is there to be received, or the other end has closed.
    func hasNews(within patience: Duration) -> Bool { wait(for: POLLIN, atMost: patience) }

    private func wait(for events: CInt, atMost patience: Duration) -> Bool {
        let end = MonotonicTime.now() + patience
        while true {
            var entry = pollfd(fd: socket.number, events: Int16(events), revents: 0)
            let left = min(max(0, (end - MonotonicTime.now()).milliseconds), 3_600_000)
            let count = unsafe poll(&entry, 1, CInt(left))
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
        }
    }
}

/// The address of a Unix socket.
@safe struct SocketPath {
    private let storage: sockaddr_un

    /// Nil when the path is empty or longer than the kernel takes, 107 bytes.
    init?(_ path: String) {
        var storage = sockaddr_un()
        storage.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard (1...107).contains(name.count) else { return nil }
        unsafe withUnsafeMutableBytes(of: &storage.sun_path) { unsafe $0.copyBytes(from: name) }
        self.storage = storage
    }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
