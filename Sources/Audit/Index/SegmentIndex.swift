internal import Glibc
internal import Primitives

/// Says which blocks of a file of the log may hold what a search wants. Lies beside the file as `.idx`; it is made when missing and
/// never believed: what it names is read and compared, what it does not cover is read, and nothing is proven by it.
///
/// A header (magic, bytes of the log covered, bytes of the index, the log's last 40 bytes covered, by which another file of the
/// same name is noticed, and a sum over the blocks), then blocks: place, length, first and last time in milliseconds, count of terms, terms. Little endian.
struct SegmentIndex {
    /// Bytes of the log that one block covers at least.
    static let blockSize = 32 * 1024
    static let headerSize = 72
    private static let magic = Array("GHINDEX1".utf8)
    private static let tailSize = 40

    /// Bytes of the log, from its beginning.
    private(set) var covered: Int
    private let bytes: [UInt8]
    /// Of the blocks: a damaged index must not hide a record.
    private let sum: UInt64

    static func path(of segment: Int, in folder: SegmentFolder) -> String {
        String(folder.path(of: segment).dropLast(".jsonl".count)) + ".idx"
    }

    /// Nil when there is none, or it is of another file.
    init?(_ segment: Int, in folder: SegmentFolder) {
        guard let file = try? Descriptor(opening: Self.path(of: segment, in: folder), O_RDONLY), let size = try? file.size,
            size >= Self.headerSize, size < 1 << 30, let bytes = try? file.read(size, at: 0), Array(bytes[..<8]) == Self.magic
        else { return nil }
        let (covered, used) = (Self.number(bytes, 8), Self.number(bytes, 16))
        guard covered >= Self.tailSize, used >= Self.headerSize, used <= bytes.count,
            let log = try? Descriptor(opening: folder.path(of: segment), O_RDONLY),
            let tail = try? log.read(Self.tailSize, at: covered - Self.tailSize), tail == Array(bytes[24..<64])
        else { return nil }
        self.covered = covered
        self.bytes = Array(bytes[..<used])
        sum = Self.sum(self.bytes[Self.headerSize...])
        guard UInt64(truncatingIfNeeded: Self.number(bytes, 64)) == sum >> 2 else { return nil }
    }

    /// The ranges of the log that may hold a match, in order, neighbours made one.
    func candidates(_ terms: [UInt32], since: Timestamp?, until: Timestamp?) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        let (low, high) = (since?.milliseconds ?? .min, until?.milliseconds ?? .max)
        unsafe bytes.withUnsafeBytes { bytes in
            var place = Self.headerSize
            while place + 36 <= bytes.count {
                let offset = unsafe Int(bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
                let length = unsafe Int(bytes.loadUnaligned(fromByteOffset: place + 8, as: Int64.self))
                let first = unsafe bytes.loadUnaligned(fromByteOffset: place + 16, as: Int64.self)
                let last = unsafe bytes.loadUnaligned(fromByteOffset: place + 24, as: Int64.self)
                let count = unsafe Int(bytes.loadUnaligned(fromByteOffset: place + 32, as: UInt32.self))
                let start = place + 36
                guard count <= 1 << 24, offset >= 0, length > 0, length <= covered, offset <= covered - length,
                    start + count * 4 <= bytes.count
                else { return }
                place = start + count * 4
                guard last >= low, first < high else { continue }
                guard unsafe Self.holds(terms, bytes, start, count) else { continue }
                if let end = ranges.last?.upperBound, end == offset {
                    ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound..<offset + length
                } else {
                    ranges.append(offset..<offset + length)
                }
            }
        }
        return ranges
    }

    @inline(__always)
    private static func holds(_ terms: [UInt32], _ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> Bool {
        search: for term in terms {
            var place = start
            for _ in 0..<count {
                if unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self) == term { continue search }
                place += 4
            }
            return false
        }
        return true
    }

    /// FNV-1a over words of four bytes, to be continued.
    fileprivate static func sum(_ blocks: some Collection<UInt8>, after sum: UInt64 = 0xCBF2_9CE4_8422_2325) -> UInt64 {
        var sum = sum
        _ = blocks.withContiguousStorageIfAvailable { bytes in
            for place in stride(from: 0, to: bytes.count - 3, by: 4) {
                let word = unsafe UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: place, as: UInt32.self)
                sum = (sum ^ UInt64(word)) &* 0x100_0000_01B3
            }
        }
        return sum
    }

    fileprivate static func number(_ bytes: [UInt8], _ place: Int) -> Int {
        (0..<8).reduce(0) { $0 | Int(bytes[place + $1] & ($1 == 7 ? 0x3F : 0xFF)) << ($1 * 8) }
    }

    /// Covers what of a file is not covered yet, as far as it makes whole blocks. Another process that does the same is left to it.
    static func extend(_ part: LogPart, in folder: SegmentFolder) throws(AuditError) {
        let present = SegmentIndex(part.segment, in: folder)
        let covered = present?.covered ?? 0
        guard part.size - covered >= blockSize else { return }
        let file = try Descriptor(opening: path(of: part.segment, in: folder), O_RDWR | O_CREAT)
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else { return }
        var used = present?.bytes.count ?? headerSize
        var sum = present?.sum ?? Self.sum([UInt8]())
        var writer = BlockWriter(at: covered)
        var lines = try LineReader(folder.path(of: part.segment), from: covered, to: part.size)
        var last = covered
        while let line = try lines.next(), line.isWhole {
            writer.add(line.bytes)
            guard lines.offset - writer.start >= blockSize else { continue }
            last = lines.offset
            let block = writer.close(at: last)
            try Disk.system.writeAll(block, at: used, to: file)
            used += block.count
            sum = Self.sum(block, after: sum)
        }
        guard last > covered else { return }
        let log = try Descriptor(opening: folder.path(of: part.segment), O_RDONLY)
        let tail = try log.read(tailSize, at: last - tailSize)
        let header = magic + BlockWriter.bytes(last) + BlockWriter.bytes(used) + tail + BlockWriter.bytes(Int(sum >> 2))
        try Disk.system.writeAll(header, at: 0, to: file)
    }
}

/// Gathers the terms of one block.
private struct BlockWriter {
    private(set) var start: Int
    private var terms: Set<UInt32> = []
    private var first = Int64.max
    private var last = Int64.min

    init(at start: Int) { self.start = start }

    /// A line that is no JSON has no terms, as no search finds it.
    mutating func add(_ line: [UInt8]) {
        guard let document = try? JSONDocument(parsing: line) else { return }
        terms.formUnion(SearchTerms.of(document.root))
        guard let time = document.root["ts"]?.string.flatMap(Timestamp.init(rfc3339:)) else { return }
        first = min(first, time.milliseconds)
        last = max(last, time.milliseconds)
    }

    mutating func close(at end: Int) -> [UInt8] {
        var out = Self.bytes(start) + Self.bytes(end - start) + Self.bytes(Int(first)) + Self.bytes(Int(last))
        out += Self.bytes(terms.count).prefix(4)
        for term in terms { out += Self.bytes(Int(term)).prefix(4) }
        (start, terms, first, last) = (end, [], .max, .min)
        return out
    }

    static func bytes(_ number: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
}
