internal import Crypto
internal import Primitives

/// Where a chain stands: how many records it has, and the hash of the last (AUD-4).
package struct ChainHead: Sendable, Hashable, CustomStringConvertible {
    /// Also the `seq` of the last record, as they count from 1.
    package let count: Int
    /// 32 bytes.
    package let hash: [UInt8]

    package init(count: Int, hash: [UInt8]) {
        self.count = count
        self.hash = hash
    }

    /// Before the first record: 32 zero bytes.
    package static let empty = ChainHead(count: 0, hash: [UInt8](repeating: 0, count: 32))

    /// The hash in lower-case hexadecimal.
    package var description: String { Hex.encode(hash) }
}

/// What is hashed for one record: label ‖ previous hash ‖ length ‖ canonical JSON (AUD-4).
enum ChainMessage {
    static let label: StaticString = "gatehouse.audit/1"
    static let headerCount = 17 + 32 + 8

    /// Starts a message. The length stays zero until `close`.
    static func open(_ message: inout ByteWriter, after previous: [UInt8]) {
        message.removeAll()
        message.append(label)
        message.append(previous)
        for _ in 0..<8 { message.append(0) }
    }

    /// Fills in the length of what follows the header, and hashes.
    static func close(_ message: inout ByteWriter) -> [UInt8] {
        let length = message.count - headerCount
        for offset in 0..<8 {
            message.set(UInt8(truncatingIfNeeded: length >> (offset * 8)), at: headerCount - 1 - offset)
        }
        return message.withBytes { SHA256.digest($0) }
    }
}
