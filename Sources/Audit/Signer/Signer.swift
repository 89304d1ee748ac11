internal import Crypto
internal import Glibc
internal import Primitives

/// Holds the signing key and the Merkle tree of the log, and signs the tree as it is (AUD-4, AUD-5).
///
/// The tree only grows: whoever asks can add records and have the sum signed, but cannot have a root signed that does not
/// continue what was signed before. So a gateway somebody took over cannot rewrite what was recorded until then.
struct Signer {
    private let key: Ed25519Key
    private let files: SignerFiles
    private var tree: MerkleFrontier

    init(_ files: SignerFiles, key: Ed25519Key) {
        self.files = files
        self.key = key
        tree = files.loadTree()
    }

    var greeting: SignerMessage { .ready(publicKey: key.publicKey.pem, size: tree.count) }

    mutating func answer(_ request: SignerMessage) -> SignerMessage {
        switch request {
        case .extend(let first, let hashes): extend(first, hashes)
        case .adopt(let json): adopt(json)
        case .sign(let size, let origin): sign(size, origin)
        default: .refusal("a signer is asked to extend, adopt or sign")
        }
    }

    private mutating func extend(_ first: Int, _ hashes: [UInt8]) -> SignerMessage {
        if first > tree.count { tree.appendUnknown(first - tree.count) }
        var place = first
        for start in stride(from: 0, to: hashes.count, by: 32) {
            if place == tree.count { tree.append(MerkleHash.leaf(hashes[start..<start + 32])) }
            place += 1
        }
        return .size(tree.count)
    }

    private mutating func adopt(_ json: JSONValue) -> SignerMessage {
        guard let checkpoint = Checkpoint(json), checkpoint.isSigned(by: key.publicKey) else {
            return .refusal("the checkpoint is not of this key")
        }
        if checkpoint.size > tree.count { tree = checkpoint.frontier }
        return .size(tree.count)
    }

    private func sign(_ size: Int, _ origin: String) -> SignerMessage {
        guard size == tree.count else { return .size(tree.count) }
        guard (1...255).contains(origin.utf8.count), !origin.contains(where: \.isWhitespace) else {
            return .refusal("an origin has 1 to 255 bytes without white space")
        }
        guard let checkpoint = try? Checkpoint(tree, origin: origin, at: .now(), by: key) else {
            return .refusal("the signature cannot be made")
        }
        // What was signed must not be forgotten: without the memory there is no signature.
        do { try files.store(tree) } catch { return .refusal("\(error.description)") }
        return .checkpoint(checkpoint.json)
    }
}

/// The life of a signer process.
package enum SignerService {
    /// Serves the gateway at the other end of an inherited socket until it closes.
    /// - Throws: `.noSigner` when the key cannot be used; the other end is told the same.
    package static func run(descriptor: CInt, keyPath: String) throws(AuditError) {
        let channel = SignerChannel(Descriptor(adopting: descriptor))
        do throws(AuditError) {
            try serve(channel, keyPath)
        } catch {
            try? channel.send(.refusal(error.description))
            throw error
        }
    }

    private static func serve(_ channel: SignerChannel, _ keyPath: String) throws(AuditError) {
        let files = SignerFiles(keyPath: keyPath)
        let key = try files.loadKey()
        try files.export(key.publicKey)
        let lock = try files.openLock()
        if flock(lock.number, LOCK_EX | LOCK_NB) != 0 {
            // Another gateway is about to hand over to ours.
            try channel.send(.waiting)
            repeat {
                if channel.hasNews(within: .milliseconds(100)) { return }  // nothing is asked before `ready`: it has gone
            } while flock(lock.number, LOCK_EX | LOCK_NB) != 0
        }
        try converse(channel, Signer(files, key: key))
        withExtendedLifetime(lock) {}
    }

    /// Serves at a path, one gateway after the other: one that takes over waits for the one before.
    /// - Parameter user: the only one that may connect, beside root.
    package static func listen(path: String, user: UInt32, keyPath: String) throws(AuditError) {
        let files = SignerFiles(keyPath: keyPath)
        let key = try files.loadKey()
        try files.export(key.publicKey)
        let lock = try files.openLock()
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            throw AuditError(.noSigner, "another signer holds \(keyPath); stop it first")
        }
        let listener = try SignerListener(path: path, user: user)
        while true {
            guard let channel = listener.accept() else { continue }
            try? converse(channel, Signer(files, key: key))
        }
    }

    static func converse(_ channel: SignerChannel, _ signer: consuming Signer) throws(AuditError) {
        var signer = signer
        try channel.send(signer.greeting)
        while true {
            guard channel.hasNews(within: .seconds(3600)) else { continue }
            guard let request = try channel.receive(atMost: .seconds(1)) else { return }
            try channel.send(signer.answer(request))
        }
    }
}
