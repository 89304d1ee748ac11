internal import Glibc
package import OAuth

/// What `gatehouse db` does to a file that may be in use.
extension Database {
    /// Writes a consistent copy to a new file, readable by its owner alone, and returns once it is on disk. It holds digests and
    /// sealed records, never the root key (VLT-3).
    /// - Throws: `.conflict` when the file exists.
    package func backup(to copy: String) async throws(StoreError) {
        let path = path
        try await read { _ throws(StoreError) in
            let descriptor = unsafe open(copy, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                throw StoreError(errno == EEXIST ? .conflict : .cannotWrite, "\(copy): \(unsafe String(cString: strerror(errno)))")
            }
            defer { Glibc.close(descriptor) }
            do throws(StoreError) {
                // SQLite fills an empty file; it opens the name anew, and locks nothing through our descriptor.
                try Connection.open(path, .readWrite).run("VACUUM INTO ?1", [.text(copy)])
                guard fsync(descriptor) == 0 else { throw StoreError(.cannotWrite, "\(copy): not on disk") }
            } catch {
                unsafe unlink(copy)
                throw error
            }
        }
    }

    /// Reads every page and every reference.
    /// - Returns: what is wrong, at most a hundred lines; empty when all is well.
    package func check() async throws(StoreError) -> [String] {
        let path = path
        return try await read { _ throws(StoreError) in
            let connection = try Connection.open(path, .readOnly)
            let pages = try connection.all("PRAGMA integrity_check(100)") { row in row.text(0) }
            let references = try connection.all("PRAGMA foreign_key_check") { row in
                "\(row.text(0)): a row refers to a missing row of \(row.text(2))"
            }
            return Array((pages.filter { $0 != "ok" } + references).prefix(100))
        }
    }
}
