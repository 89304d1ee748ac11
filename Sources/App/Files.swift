import Glibc
import Primitives

/// The few things this product does with files. Errors are sentences that name the path.
enum Files {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads a whole file of at most 16 MiB.
    static func read(_ path: String) throws(Problem) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw problem("cannot read", path) }
        defer { close(descriptor) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw problem("cannot read", path) }
            guard count > 0 else { return out }
            guard out.count + count <= 16 << 20 else { throw Problem(description: "\(path) is larger than 16 MiB") }
            out += chunk[..<count]
        }
    }

    static func readText(_ path: String) throws(Problem) -> String {
        guard let text = String(validating: try read(path), as: UTF8.self) else {
            throw Problem(description: "\(path) is no UTF-8 text")
        }
        return text
    }

    /// Writes beside the file, then renames over it: readers see the old or the new content, never a part.
    static func write(_ text: String, to path: String, mode: mode_t) throws(Problem) {
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw problem("cannot write", path) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe Array(bytes).withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                close(descriptor)
                _ = unsafe unlink(temporary)
                throw problem("cannot write", path)
            }
            bytes = bytes.dropFirst(count)
        }
        fsync(descriptor)
        close(descriptor)
        guard unsafe rename(temporary, path) == 0 else { throw problem("cannot write", path) }
    }

    /// Creates the folder and the missing ones above it, for the owner alone.
    static func createFolder(_ path: String) throws(Problem) {
        var built = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            built += (built.isEmpty || built.hasSuffix("/") ? "" : "/") + part
            if unsafe mkdir(built, 0o700) != 0, errno != EEXIST { throw problem("cannot create", built) }
        }
    }

    /// Room on the disk of a file or folder for who runs this, in bytes; nil when it cannot be told.
    static func freeBytes(at path: String) -> Int? {
        var status = statvfs()
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard unsafe statvfs(path, &status) == 0 || statvfs(folder, &status) == 0 else { return nil }
        return Int(clamping: status.f_bavail) * Int(clamping: status.f_frsize)
    }

    /// In bytes; 0 when there is none.
    static func size(_ path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_size : 0
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    static func remove(_ path: String) { _ = unsafe unlink(path) }

    /// The path from the root, with `.` and links resolved where it exists.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        let trimmed = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        return unsafe String(cString: folder) + "/" + trimmed
    }

    private static func problem(_ what: String, _ path: String) -> Problem {
        Problem(description: "\(what) \(path): \(unsafe String(cString: strerror(errno)))")
    }
}
