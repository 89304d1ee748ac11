package import Crypto
package import Primitives

/// A signed statement of what the log held (AUD-4): its first `size` records have this Merkle root.
///
/// The text signed is that of a C2SP tlog-checkpoint with the time as extension line, so that outside witnesses and other
/// people's tools read it.
package struct Checkpoint: Sendable, Hashable {
    /// Whose log it is; without white space.
    package let origin: String
    package let size: Int
    /// 32 bytes.
    package let root: [UInt8]
    /// By the clock of who signed.
    package let time: Timestamp
    /// Names the signing key.
    package let keyID: String
    package let signature: [UInt8]
    /// The perfect subtrees behind the root: from here on the tree can be continued without what it was made of.
    let frontier: MerkleFrontier

    static let event = "audit.checkpoint"

    /// What is signed.
    static func text(origin: String, size: Int, root: [UInt8], time: Timestamp) -> String {
        "\(origin)\n\(size)\n\(Base64.encode(root, .standard))\ntime \(time.rfc3339)\n"
    }

    private var text: String { Self.text(origin: origin, size: size, root: root, time: time) }

    /// Signs a tree as it is now.
    init(_ frontier: MerkleFrontier, origin: String, at time: Timestamp, by key: Ed25519Key) throws(CryptoError) {
        let root = frontier.root
        self.origin = origin
        size = frontier.count
        self.root = root
        self.time = time
        keyID = key.publicKey.keyID
        self.frontier = frontier
        signature = try key.signature(of: Array(Self.text(origin: origin, size: size, root: root, time: time).utf8))
    }

    /// Reads the members of a record, or of a message between gateway and signer. Nil when one is missing or is not what it
    /// should be, or the root is not that of the frontier.
    package init?(_ json: JSONValue) {
        guard let origin = json["origin"]?.string, !origin.isEmpty, !origin.contains(where: \.isWhitespace),
            let size = json["size"]?.int, let root = json["root"]?.string.flatMap(Hex.decode),
            let time = json["time"]?.string.flatMap(Timestamp.init(rfc3339:)), let keyID = json["key"]?.string,
            let signature = json["signature"]?.string.flatMap({ Base64.decode($0, .standard) }),
            let peaks = json["frontier"]?.array?.compactMap({ $0.string.flatMap(Hex.decode) }),
            let frontier = MerkleFrontier(count: size, peaks: peaks), frontier.root == root
        else { return nil }
        self.origin = origin
        self.size = size
        self.root = root
        self.time = time
        self.keyID = keyID
        self.signature = signature
        self.frontier = frontier
    }

    /// The members of a record.
    package var json: JSONValue { .object(JSONObject(members)) }

    private var members: [(String, JSONValue)] {
        [
            ("origin", .string(origin)), ("size", .int(size)), ("root", .string(Hex.encode(root))),
            ("time", .string(time.rfc3339)), ("key", .string(keyID)),
            ("signature", .string(Base64.encode(signature, .standard))),
            ("frontier", .strings(frontier.peaks.map { Hex.encode($0) })),
        ]
    }

    /// To be chained like any other record.
    var record: AuditRecord {
        AuditRecord(
            Event(Self.event, actor: "system", details: members.map { (key: $0.0, value: $0.1) }),
            in: AuditContext(requestID: RequestID("system")))
    }

    package func isSigned(by key: Ed25519PublicKey) -> Bool {
        key.keyID == keyID && key.verifies(signature, of: Array(text.utf8))
    }
}
