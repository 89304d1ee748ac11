internal import Primitives

/// Turns records into lines of the chain: fills in `node`, `prev` and `seq`, hashes, and puts the `hash` behind as last member.
struct RecordRenderer {
    private(set) var head: ChainHead
    /// As quoted JSON.
    private let node: [UInt8]
    private var message: [UInt8] = []
    private var headHex: [UInt8]

    init(after head: ChainHead, node: String) {
        self.head = head
        var quoted: [UInt8] = []
        quoted.append(auditText: node)
        self.node = quoted
        headHex = Self.hex(head.hash)
        message.reserveCapacity(2048)
    }

    /// Appends one line, and moves the head on to it.
    mutating func append(_ record: AuditRecord, to lines: inout [UInt8]) {
        ChainMessage.open(&message, after: head.hash)
        let sequence = head.count + 1
        let body = record.body
        message.append(contentsOf: body.bytes[..<body.node])
        message.append(contentsOf: node)
        message.append(contentsOf: body.bytes[body.node..<body.previous])
        message.append(contentsOf: headHex)
        message.append(contentsOf: body.bytes[body.previous..<body.sequence])
        message.append(auditNumber: sequence)
        message.append(contentsOf: body.bytes[body.sequence...])
        let hash = ChainMessage.close(&message)
        head = ChainHead(count: sequence, hash: hash)
        headHex = Self.hex(hash)
        lines.append(contentsOf: message[ChainMessage.headerCount..<message.count - 1])
        lines.append(",\"hash\":\"")
        lines.append(contentsOf: headHex)
        lines.append("\"}\n")
    }

    private static func hex(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { out, filled in
            for index in 0..<bytes.count {
                unsafe out[index * 2] = Hex.digit(bytes[index] >> 4)
                unsafe out[index * 2 + 1] = Hex.digit(bytes[index] & 15)
            }
            filled = bytes.count * 2
        }
    }
}
