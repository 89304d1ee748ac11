internal import Glibc
internal import Primitives

/// A line of the log taken apart as far as the chain needs it.
struct ChainLine {
    let sequence: Int
    let previous: [UInt8]
    /// What the line says its hash is.
    let hash: [UInt8]
    /// What it is.
    let computed: [UInt8]
    /// What it states, when it is a record of a checkpoint; nil when it is another record.
    let checkpoint: Checkpoint?
    let isCheckpoint: Bool
    /// Up to which record older files were removed, when it says so (`audit.pruned`); else 0.
    let prunedThrough: Int

    private static let tail = Array(#","hash":""#.utf8)

    /// Nil when the bytes are no line of a chain: not strict JSON, not our members, or the hash not at the end.
    init?(_ bytes: [UInt8]) {
        let split = bytes.count - Self.tail.count - 64 - 2
        guard split > 1, bytes[split..<split + Self.tail.count].elementsEqual(Self.tail),
            let document = try? JSONDocument(parsing: bytes), let sequence = document.root["seq"]?.int,
            let prev = document.root["prev"]?.string, let previous = Hex.decode(prev), previous.count == 32,
            let text = document.root["hash"]?.string, let hash = Hex.decode(text), hash.count == 32, text == Hex.encode(hash)
        else { return nil }
        isCheckpoint = document.root["event"]?.equals("audit.checkpoint") == true
        checkpoint = isCheckpoint ? Checkpoint(document.root.value) : nil
        let isPruning = document.root["event"]?.equals("audit.pruned") == true
        prunedThrough = isPruning ? document.root["through"]?.int ?? 0 : 0
        self.sequence = sequence
        self.previous = previous
        self.hash = hash
        var message = ByteWriter(capacity: bytes.count + ChainMessage.headerCount)
        ChainMessage.open(&message, after: previous)
        message.append(bytes.span.extracting(..<split))
        message.append(UInt8(ascii: "}"))
        computed = ChainMessage.close(&message)
    }

    /// When the first record of a file was written. Nil when there is none, or it is none of ours.
    static func time(ofFirstLineIn path: String) throws(AuditError) -> Timestamp? {
        guard unsafe access(path, F_OK) == 0 else { return nil }
        var lines = try LineReader(path)
        return try lines.next().flatMap { time(of: $0.bytes) }
    }

    static func time(of line: [UInt8]) -> Timestamp? {
        (try? JSONDocument(parsing: line))?.root["ts"]?.string.flatMap(Timestamp.init(rfc3339:))
    }

    var isIntact: Bool { computed == hash }

    /// True when it is the record right after the head, unchanged.
    func extends(_ head: ChainHead) -> Bool { sequence == head.count + 1 && previous == head.hash && isIntact }

    var head: ChainHead { ChainHead(count: sequence, hash: hash) }
}
