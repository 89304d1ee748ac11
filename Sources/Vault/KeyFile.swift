internal import Glibc

/// Reads and writes key files with the checks a secret on disk needs.
enum KeyFile {
    private static let limit = 4096

    /// - Throws: `.missing`, `.exposed`, `.weak` when it is longer than any key.
    static func read(_ path: String) throws(VaultError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw VaultError(errno == ENOENT ? .missing : .exposed, "\(path): \(reason())")
        }
        defer { close(descriptor) }
        try check(descriptor, path)
        var content = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < content.count {
            let count = unsafe content.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress.unsafelyUnwrapped + filled, buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw VaultError(.missing, "\(path): \(reason())") }
            if count == 0 { break }
            filled += count
        }
        guard filled <= limit else { throw VaultError(.weak, "\(path): too long for a key") }
        return Array(content.prefix(filled))
    }

    /// What was opened is what is checked: no name is looked up twice.
    private static func check(_ descriptor: CInt, _ path: String) throws(VaultError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw VaultError(.exposed, "\(path): \(reason())") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw VaultError(.exposed, "\(path): not a plain file") }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw VaultError(.exposed, "\(path): belongs to another user")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw VaultError(.exposed, "\(path): others may access it; run chmod 0400")
        }
    }

    /// Writes a new file of mode 0400 and returns once it is on disk. What could not be finished is removed.
    static func write(_ content: [UInt8], to path: String) throws(VaultError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o400)
        guard descriptor >= 0 else {
            throw VaultError(errno == EEXIST ? .exists : .cannotWrite, "\(path): \(reason())")
        }
        defer { close(descriptor) }
        let written = unsafe Glibc.write(descriptor, content, content.count)
        guard written == content.count, fsync(descriptor) == 0, syncFolder(of: path) else {
            let reason = reason()
            unsafe unlink(path)
            throw VaultError(.cannotWrite, "\(path): \(reason)")
        }
    }

    static func syncFolder(of path: String) -> Bool {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
