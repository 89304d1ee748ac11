internal import CLinux
internal import Glibc

/// Where a signer of another user waits for its gateway.
struct SignerListener: ~Copyable {
    private let socket: Descriptor
    private let user: UInt32

    /// Listens at the path, in place of whoever did before. Who may connect is the kernel's word, so the mode need not tell.
    init(path: String, user: UInt32) throws(AuditError) {
        let number = Glibc.socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0, let address = SocketPath(path) else { throw AuditError(.noSigner, SystemFailure.text("socket", path)) }
        let socket = Descriptor(adopting: number)
        unsafe unlink(path)
        guard unsafe address.withPointer({ unsafe bind(number, $0, $1) }) == 0, unsafe chmod(path, 0o666) == 0,
            listen(number, 4) == 0
        else { throw AuditError(.noSigner, SystemFailure.text("listening at", path)) }
        self.socket = socket
        self.user = user
    }

    /// Blocks. Nil when whoever came may not.
    func accept() -> SignerChannel? {
        let accepted = accept4(socket.number, nil, nil, CInt(SOCK_CLOEXEC.rawValue))
        guard accepted >= 0 else {
            usleep(100_000)  // out of descriptors, in practice
            return nil
        }
        let connection = Descriptor(adopting: accepted)
        var (process, user): (CInt, UInt32) = (0, 0)
        guard unsafe gh_peer(accepted, &process, &user) == 0, user == self.user || user == 0 else { return nil }
        return SignerChannel(connection)
    }
}
