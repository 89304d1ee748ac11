internal import Glibc

/// The file of the root key, and beside it the next one while a `vault rekey` is under way.
///
/// A rekey goes through three steps on disk, and at every point between them exactly one of the two files opens the vault:
/// the next key is written; all keys in the database are wrapped by it in one transaction; it takes the place of the present key.
/// Whoever finds the vault closed to one file tries the other.
package struct RootKeyFile: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    private var nextPath: String { path + ".next" }

    /// The present key.
    /// - Throws: `.missing`, `.exposed`, `.weak`.
    package func load() throws(VaultError) -> RootKey { try RootKey.load(path) }

    /// True when a rekey began and did not end.
    package var hasNext: Bool { unsafe access(nextPath, F_OK) == 0 }

    /// The next key; nil when there is none or it was not written to its end.
    package func next() -> RootKey? { try? RootKey.load(nextPath) }

    /// The keys that may open the vault. The next one is read first: when it takes its place meanwhile, it is read there.
    package func candidates() -> [RootKey] { [next(), try? load()].compactMap { $0 } }

    /// The next key, from an attempt before or fresh, on disk. Call it only when the present key opens the vault: a next key that
    /// cannot be read is thrown away.
    /// - Throws: `.cannotWrite` when the folder refuses a new file.
    package func prepareNext() throws(VaultError) -> RootKey {
        if let next = next() { return next }
        unsafe unlink(nextPath)
        let key = try RootKey.create(at: nextPath)
        try giveToOwner()
        return key
    }

    /// Puts the next key in the place of the present one; returns once that is on disk.
    package func adoptNext() throws(VaultError) {
        guard unsafe rename(nextPath, path) == 0 else {
            throw VaultError(.cannotWrite, "\(path): \(unsafe String(cString: strerror(errno)))")
        }
        guard KeyFile.syncFolder(of: path) else { throw VaultError(.cannotWrite, "\(path): its folder is not on disk") }
    }

    /// Keeps a copy of the present key under another name, mode 0400: backups made until now need it.
    /// - Throws: `.exists`, `.cannotWrite`.
    package func keep(at copy: String) throws(VaultError) {
        try KeyFile.write(try KeyFile.read(path), to: copy)
    }

    /// Run as root, the command must leave a key the service can read.
    private func giveToOwner() throws(VaultError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_uid != geteuid() else { return }
        guard unsafe chown(nextPath, status.st_uid, status.st_gid) == 0 else {
            let reason = unsafe String(cString: strerror(errno))
            unsafe unlink(nextPath)
            throw VaultError(.cannotWrite, "\(nextPath) cannot be given to the owner of \(path): \(reason)")
        }
    }
}
