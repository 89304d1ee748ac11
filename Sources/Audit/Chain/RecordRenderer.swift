internal import Primitives

/// Turns records into lines of the chain: fills in `node`, `prev` and `seq`, hashes, and puts the `hash` behind as last member.
struct RecordRenderer: ~Copyable {
    private(set) var head: ChainHead
    /// As quoted JSON.
    private let node: [UInt8]
    private var message = ByteWriter(capacity: 2048)
    /// The hashes of all records, 32 bytes each.
    private(set) var hashes: [UInt8] = []

    init(after head: ChainHead, node: String) {
        self.head = head
        var quoted = ByteWriter()
        quoted.append(quotedAuditText: node)
        self.node = quoted.bytes
    }

    /// Appends one line, and moves the head on to it.
    mutating func append(_ record: AuditRecord, to lines: inout ByteWriter) {
        ChainMessage.open(&message, after: head.hash)
        let sequence = head.count + 1
        let body = record.body
        let bytes = body.bytes.span
        message.append(bytes.extracting(..<body.node))
        message.append(node)
        message.append(bytes.extracting(body.node..<body.previous))
        message.append(hexOf: head.hash)
        message.append(bytes.extracting(body.previous..<body.sequence))
        message.append(decimal: sequence)
        message.append(bytes.extracting(body.sequence...))
        let hash = ChainMessage.close(&message)
        head = ChainHead(count: sequence, hash: hash)
        hashes += hash
        message.withBytes { lines.append($0.extracting(ChainMessage.headerCount..<$0.count - 1)) }
        lines.append(",\"hash\":\"")
        lines.append(hexOf: hash)
        lines.append("\"}\n")
    }
}
