internal import Glibc
internal import OAuth

/// What maintenance does to files as files. SQLite never has one of these open through our descriptors.
enum DiskFile {
    /// - Throws: `.conflict` when it exists.
    static func create(_ path: String) throws(StoreError) {
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path, errno == EEXIST ? .conflict : .cannotWrite) }
        close(descriptor)
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    static func remove(_ path: String) { _ = unsafe unlink(path) }

    /// In bytes; 0 when there is none.
    static func size(_ path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_size : 0
    }

    /// A new file with the same content, readable by its owner alone.
    static func copy(_ source: String, to target: String) throws(StoreError) {
        let input = unsafe open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw failure(source, .incompatible) }
        defer { close(input) }
        let output = unsafe open(target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard output >= 0 else { throw failure(target, .cannotWrite) }
        defer { close(output) }
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = unsafe read(input, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(source, .incompatible) }
            guard count > 0 else { break }
            try write(chunk[..<count], to: output, target)
        }
        guard fsync(output) == 0 else { throw failure(target, .cannotWrite) }
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: CInt, _ path: String) throws(StoreError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, .cannotWrite) }
            rest = rest.dropFirst(count)
        }
    }

    /// Returns once the content is on disk.
    static func sync(_ path: String) throws(StoreError) {
        let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure(path, .cannotWrite) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path, .cannotWrite) }
    }

    /// Gives a file its final name; returns once the name is on disk.
    static func move(_ source: String, to target: String, replacing: Bool) throws(StoreError) {
        if replacing {
            guard unsafe rename(source, target) == 0 else { throw failure(target, .cannotWrite) }
        } else {
            // Unlike a rename, a link never takes the place of a file.
            guard unsafe link(source, target) == 0 else { throw failure(target, errno == EEXIST ? .conflict : .cannotWrite) }
            remove(source)
        }
        let folder = target.lastIndex(of: "/").map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder, .cannotWrite) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(folder, .cannotWrite) }
    }

    private static func failure(_ path: String, _ code: StoreError.Code) -> StoreError {
        StoreError(code, "\(path): \(unsafe String(cString: strerror(errno)))")
    }
}
