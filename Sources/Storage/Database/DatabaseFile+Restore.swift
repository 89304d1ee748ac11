internal import Glibc
package import OAuth

/// Putting a backup in the place of the database.
extension DatabaseFile {
    /// Copies a backup, with its write-ahead log where it has one, to a file beside the database and checks it there: pages,
    /// references, and that its schema is not newer than this version. The backup itself is only read.
    /// - Returns: the copy, for `replace`; or for `discard`.
    /// - Throws: `.incompatible` when the backup is damaged, newer, or no database of ours; `.cannotWrite`.
    package func stage(_ backup: String) throws(StoreError) -> DatabaseFile {
        let staged = DatabaseFile(path: "\(path).\(getpid()).restore")
        staged.discard()
        do throws(StoreError) {
            try DiskFile.copy(backup, to: staged.path)
            if DiskFile.size(backup + "-wal") > 0 { try DiskFile.copy(backup + "-wal", to: staged.path + "-wal") }
            guard try !staged.schema().isNewer else {
                throw StoreError(.incompatible, "it was written by a newer version of Gatehouse")
            }
            if let problem = try staged.problems().first { throw StoreError(.incompatible, problem) }
            return staged
        } catch {
            staged.discard()
            throw error
        }
    }

    /// Removes the file and what SQLite keeps beside it.
    package func discard() {
        for suffix in ["", "-wal", "-shm"] { DiskFile.remove(path + suffix) }
    }

    /// Puts a staged file in the place of this one: whoever opens the path finds the old content or the new, whole.
    /// - Throws: `.unavailable` when any process has this file open; nothing was changed then.
    package func replace(with staged: DatabaseFile) throws(StoreError) {
        try staged.settle()
        guard DiskFile.exists(path) else { return try DiskFile.move(staged.path, to: path, replacing: true) }
        do throws(StoreError) {
            // Kept until the new file is in place: a server that starts meanwhile waits, and finds the file gone.
            let former = try Connection.openAlone(path)
            try DiskFile.move(staged.path, to: path, replacing: true)
            _ = former.isInTransaction
        } catch {
            // What is damaged cannot be locked, and is what a restore is for.
            guard error.code == .incompatible else { throw error }
            for suffix in ["-wal", "-shm"] { DiskFile.remove(path + suffix) }
            try DiskFile.move(staged.path, to: path, replacing: true)
        }
    }

    /// Folds the log into the file and has it on disk.
    private func settle() throws(StoreError) {
        do { _ = try Connection.openAlone(path) }
        try DiskFile.sync(path)
    }
}
