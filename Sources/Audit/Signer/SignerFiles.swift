internal import Crypto
internal import Glibc
internal import Primitives

/// What a signer keeps on disk: the key (mode 0400), the public key beside it as `.pub`, and as `.state` the tree it signed last.
struct SignerFiles: Sendable {
    let keyPath: String
    var publicPath: String { keyPath + ".pub" }
    private var statePath: String { keyPath + ".state" }

    /// Loads the key, or makes one where there is no file.
    /// - Throws: `.noSigner`, as a sentence with the remedy.
    func loadKey() throws(AuditError) -> Ed25519Key {
        if unsafe access(keyPath, F_OK) == 0 {
            let pem = try readKey()
            do { return try Ed25519Key(pem: pem) } catch {
                throw AuditError(.noSigner, "\(keyPath) is no Ed25519 key in PEM; make one with openssl genpkey -algorithm ed25519")
            }
        }
        guard let key = try? Ed25519Key(), let pem = try? key.pem() else { throw AuditError(.noSigner, "no key can be made") }
        try write(pem.expose { $0 }, to: keyPath, mode: 0o400, replacing: false)
        return key
    }

    private func readKey() throws(AuditError) -> Secret {
        let file = try Descriptor(opening: keyPath, O_RDONLY | O_NOFOLLOW)
        var info = stat()
        guard unsafe fstat(file.number, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_mode & 0o077 == 0 else {
            throw AuditError(.noSigner, "\(keyPath) may be read by others; run chmod 0400")
        }
        return Secret(try file.read(4096, at: 0))
    }

    /// Writes the public key where it is not yet; anybody may read it.
    func export(_ key: Ed25519PublicKey) throws(AuditError) {
        let present = try? Descriptor(opening: publicPath, O_RDONLY).read(4096, at: 0)
        guard present != Array(key.pem.utf8) else { return }
        try write(Array(key.pem.utf8), to: publicPath, mode: 0o644, replacing: true)
    }

    /// The tree signed last; an empty one when the file is missing or no tree. Losing it costs the signer its memory: it then goes
    /// on from a checkpoint of its own that the log holds.
    func loadTree() -> MerkleFrontier {
        guard let bytes = try? Descriptor(opening: statePath, O_RDONLY).read(16_384, at: 0),
            let json = try? JSONValue(parsing: bytes), let size = json["size"]?.int,
            let peaks = json["frontier"]?.array?.compactMap({ $0.string.flatMap(Hex.decode) }),
            let tree = MerkleFrontier(count: size, peaks: peaks)
        else { return MerkleFrontier() }
        return tree
    }

    /// Not synchronized: after a power failure an older tree is as good, the log tells what came since.
    func store(_ tree: MerkleFrontier) throws(AuditError) {
        let json: JSONValue = ["size": .int(tree.count), "frontier": .strings(tree.peaks.map { Hex.encode($0) })]
        try write(json.serialized, to: statePath, mode: 0o600, replacing: true)
    }

    /// Held for the life of the signer: one at a time speaks for a key.
    func openLock() throws(AuditError) -> Descriptor { try Descriptor(opening: keyPath + ".lock", O_RDWR | O_CREAT) }

    private func write(_ bytes: [UInt8], to path: String, mode: mode_t, replacing: Bool) throws(AuditError) {
        let draft = "\(path).\(getpid()).new"
        do throws(AuditError) {
            let file = try Descriptor(opening: draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try Disk.system.writeAll(bytes, at: 0, to: file)
            guard fchmod(file.number, mode) == 0, replacing || fsync(file.number) == 0 else {
                throw AuditError(.cannotWrite, SystemFailure.text("writing", path))
            }
            // `link` does not replace: of two that make a key at once, one wins.
            let done = unsafe replacing ? rename(draft, path) : link(draft, path)
            guard done == 0 else { throw AuditError(.cannotWrite, SystemFailure.text("writing", path)) }
            if !replacing { unsafe unlink(draft) }
        } catch {
            unsafe unlink(draft)
            throw error
        }
    }
}
