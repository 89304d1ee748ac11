internal import Glibc

/// An open file, closed when it goes.
struct Descriptor: ~Copyable {
    let number: CInt

    /// Opened close-on-exec.
    /// - Parameter mode: of a file that is created.
    init(opening path: String, _ flags: CInt, mode: mode_t = 0o600) throws(AuditError) {
        let opened = unsafe open(path, flags | O_CLOEXEC, mode)
        guard opened >= 0 else {
            throw AuditError(flags & O_ACCMODE == O_RDONLY ? .cannotRead : .cannotWrite, SystemFailure.text("opening", path))
        }
        number = opened
    }

    /// Takes over an open descriptor.
    init(adopting number: CInt) { self.number = number }

    deinit { close(number) }

    /// In bytes.
    var size: Int {
        get throws(AuditError) { try status().size }
    }

    /// False when the file has no name any more: somebody removed or replaced it.
    var isLinked: Bool {
        get throws(AuditError) { try status().links > 0 }
    }

    /// Both with one look.
    var sizeAndLink: (size: Int, isLinked: Bool) {
        get throws(AuditError) {
            let (size, links) = try status()
            return (size, links > 0)
        }
    }

    private func status() throws(AuditError) -> (size: Int, links: Int) {
        var info = stat()
        guard unsafe fstat(number, &info) == 0 else { throw AuditError(.cannotRead, SystemFailure.text("fstat")) }
        return (Int(info.st_size), Int(info.st_nlink))
    }

    /// Up to `count` bytes from `offset`; fewer only at the end of the file.
    func read(_ count: Int, at offset: Int) throws(AuditError) -> [UInt8] {
        var failure = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                let got = unsafe pread(number, base + filled, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                failure = got < 0
                guard got > 0 else { return }
                filled += got
            }
        }
        if failure { throw AuditError(.cannotRead, SystemFailure.text("pread")) }
        return bytes
    }
}

/// What the system said of the call that just failed.
enum SystemFailure {
    static func text(_ what: String, _ path: String = "") -> String {
        let code = errno
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return path.isEmpty ? "\(what): \(reason)" : "\(what) \(path): \(reason)"
    }
}
