internal import Glibc
internal import Primitives

/// The chain's head, kept outside the folder of the log and rewritten in place: it tells when the log was cut (AUD-4).
struct HeadFile: Sendable {
    let path: String
    private static let label = "gatehouse.audit.head/1"
    private static let count = label.utf8.count + 1 + 20 + 1 + 64 + 1

    /// Nil when there is none, or what is there is no head.
    func read() throws(AuditError) -> ChainHead? {
        guard unsafe access(path, F_OK) == 0 else { return nil }
        let file = try Descriptor(opening: path, O_RDONLY)
        return Self.parse(try file.read(Self.count + 1, at: 0))
    }

    /// Opens the file for writing, making it when there is none.
    func open() throws(AuditError) -> Descriptor { try Descriptor(opening: path, O_RDWR | O_CREAT) }

    static func read(_ file: borrowing Descriptor) throws(AuditError) -> ChainHead? { parse(try bytes(of: file)) }

    /// What the file holds, a head or not.
    static func bytes(of file: borrowing Descriptor) throws(AuditError) -> [UInt8] { try file.read(count + 1, at: 0) }

    /// Overwrites the one line in place: it needs no space, and stays within one sector.
    static func write(_ head: ChainHead, to file: borrowing Descriptor, _ disk: Disk) throws(AuditError) {
        try disk.writeAll(line(of: head), at: 0, to: file)
    }

    static func line(of head: ChainHead) -> [UInt8] {
        var line = ByteWriter(capacity: count)
        line.append(utf8: label)
        line.append(UInt8(ascii: " "))
        line.append(decimal: head.count, width: 20)
        line.append(UInt8(ascii: " "))
        line.append(hexOf: head.hash)
        line.append(0x0A)
        return line.bytes
    }

    static func parse(_ bytes: [UInt8]) -> ChainHead? {
        guard bytes.count == count, bytes.last == 0x0A else { return nil }
        let words = String(decoding: bytes.dropLast(), as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == label, let count = Int(words[1]), count >= 0, let hash = Hex.decode(words[2]),
            hash.count == 32
        else { return nil }
        return ChainHead(count: count, hash: hash)
    }
}
