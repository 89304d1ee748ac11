internal import Primitives

/// The hashes of records just written, kept until a checkpoint takes them. Bounded: beyond that they are read from disk again.
struct HashBacklog: Sendable {
    /// Records; 2 MiB of memory.
    static let limit = 65_536

    /// The place in the log of the first of them, from 0.
    private var first = 0
    private var hashes: [UInt8] = []

    /// - Parameter count: the records before them.
    mutating func append(_ more: [UInt8], after count: Int) {
        if first + hashes.count / 32 != count || hashes.count + more.count > Self.limit * 32 {
            (first, hashes) = (count, [])
        }
        hashes += more
    }

    /// Everything since the last time; nothing when others wrote last.
    /// - Parameter count: the records of the whole log.
    mutating func take(upTo count: Int) -> (first: Int, hashes: [UInt8]) {
        defer { (first, hashes) = (count, []) }
        return first + hashes.count / 32 == count ? (first, hashes) : (count, [])
    }
}

/// What a log grew by.
struct LogGrowth: Sendable {
    let head: ChainHead
    /// The place of the first hash, from 0.
    let first: Int
    /// 32 bytes each.
    let hashes: [UInt8]
    /// The files to read, where the hashes do not reach back far enough.
    let parts: [LogPart]?

    /// Gives the hashes beyond the first `size` records to `body`, in portions.
    func forEach(
        beyond size: Int, in folder: SegmentFolder, _ body: (_ first: Int, _ hashes: [UInt8]) throws(AuditError) -> Void
    ) throws(AuditError) {
        if let parts { return try read(parts, folder, beyond: size, body) }
        var start = max(0, size - first) * 32
        while start < hashes.count {
            let end = min(hashes.count, start + SignerMessage.leafLimit * 32)
            try body(first + start / 32, Array(hashes[start..<end]))
            start = end
        }
    }

    private func read(
        _ parts: [LogPart], _ folder: SegmentFolder, beyond size: Int,
        _ body: (_ first: Int, _ hashes: [UInt8]) throws(AuditError) -> Void
    ) throws(AuditError) {
        var (place, portion) = (size, [UInt8]())
        let (skipped, offset) = try LogTail.start(ofLast: head.count - size, in: parts, folder)
        for (index, part) in parts.enumerated() where index >= skipped {
            var lines = try LineReader(folder.path(of: part.segment), from: index == skipped ? offset : 0, to: part.size)
            while let line = try lines.next() {
                guard let parsed = ChainLine(line.bytes), parsed.sequence > place + portion.count / 32 else { continue }
                let isNext = parsed.sequence == place + portion.count / 32 + 1
                if !isNext || portion.count == SignerMessage.leafLimit * 32 {
                    if !portion.isEmpty { try body(place, portion) }
                    (place, portion) = (parsed.sequence - 1, [])
                }
                portion += parsed.hash
            }
        }
        if !portion.isEmpty { try body(place, portion) }
    }
}

/// Finds places near the end of the log without reading what is before.
enum LogTail {
    /// Where the last `count` lines begin: the index of a part, and the offset in it.
    static func start(
        ofLast count: Int, in parts: [LogPart], _ folder: SegmentFolder
    ) throws(AuditError) -> (index: Int, offset: Int) {
        var (index, offset, left) = (parts.count, 0, max(0, count))
        while index > 0, left > 0 {
            index -= 1
            (offset, left) = try start(ofLast: left, in: parts[index], folder)
        }
        return (index, offset)
    }

    /// Where the last `count` lines of a part begin, and how many it lacks.
    private static func start(
        ofLast count: Int, in part: LogPart, _ folder: SegmentFolder
    ) throws(AuditError) -> (offset: Int, missing: Int) {
        guard folder.exists(part.segment) else { return (0, count) }  // removed meanwhile, past its retention
        let file = try Descriptor(opening: folder.path(of: part.segment), 0)
        var end = part.size
        var found = 0  // newlines; the one that ends the last line is the first
        while end > 0 {
            let start = max(0, end - 65_536)
            let bytes = try file.read(end - start, at: start)
            for index in bytes.indices.reversed() where bytes[index] == 0x0A {
                if found == count { return (start + index + 1, 0) }
                found += 1
            }
            end = start
        }
        return (0, max(0, count - found))
    }
}
