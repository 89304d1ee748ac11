internal import Glibc

/// A Unix socket address: a path, or a name in the abstract space when it begins with `@`.
struct LocalAddress {
    private let storage: sockaddr_un
    private let length: socklen_t

    /// - Throws: `.bind` when the path is longer than the kernel takes, 107 bytes.
    init(_ path: String) throws(SocketError) {
        var storage = sockaddr_un()
        storage.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard (1...107).contains(name.count) else { throw SocketError(.bind, errno: ENAMETOOLONG, detail: path) }
        unsafe withUnsafeMutableBytes(of: &storage.sun_path) { room in
            unsafe room.copyBytes(from: name)
            if name.first == UInt8(ascii: "@") { unsafe room[0] = 0 }
        }
        self.storage = storage
        // An abstract name has no terminator, and every byte of its length counts.
        length = socklen_t(MemoryLayout<sa_family_t>.size + name.count + (name.first == UInt8(ascii: "@") ? 0 : 1))
    }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
