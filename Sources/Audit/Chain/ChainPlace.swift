internal import Glibc
internal import Primitives

/// Where the next record goes: the segment, its length, the head to continue from, and what is to be said about the way here.
struct ChainPlace: ~Copyable {
    let segment: Int
    let file: Descriptor
    /// In bytes; what other writers add makes the file longer than this.
    var size: Int
    var head: ChainHead
    /// `audit.gap` events that the next batch begins with.
    var gaps: [Event]
    /// Of the segment's first record; nil when there is none, or it does not tell.
    var day: Int?

    /// Reads the end of the log, under the lock. A torn last line is moved aside.
    ///
    /// The chain goes on from the trusted head unless the log provably extends it. So where records were cut, altered or
    /// written anew, the numbers and hashes keep a break that no later record can heal.
    /// - Parameter trusted: from memory or the head file; nil when there is none.
    static func load(_ folder: SegmentFolder, trusted: ChainHead?, _ disk: Disk) throws(AuditError) -> ChainPlace {
        let segments = try folder.segments()
        let segment = segments.last ?? 1
        let file = try Descriptor(opening: folder.path(of: segment), O_RDWR | O_CREAT)
        if segments.isEmpty { try folder.synchronize() }
        let length = try file.size
        let size = try wholeLines(of: file, length: length)
        var gaps: [Event] = []
        if length > size {
            try moveAside(length - size, from: size, of: file, path: folder.path(of: segment), disk)
            gaps.append(gap("torn_line", ("bytes", .int(length - size))))
        }
        let (head, gap) = try head(of: folder, segments, trusted)
        let day = try ChainLine.time(ofFirstLineIn: folder.path(of: segment))?.day
        return ChainPlace(segment: segment, file: file, size: size, head: head, gaps: gaps + [gap].compactMap(\.self), day: day)
    }

    private static func head(
        of folder: SegmentFolder, _ segments: [Int], _ trusted: ChainHead?
    ) throws(AuditError) -> (ChainHead, gap: Event?) {
        let last = try lastLine(in: folder, segments)
        let line = last.flatMap { ChainLine($0) }.flatMap { $0.isIntact ? $0 : nil }
        guard let trusted else {
            if last == nil { return (.empty, nil) }
            guard let line else {
                throw AuditError(.cannotRead, "the last line in \(folder.path) is damaged, and there is no head")
            }
            return (line.head, gap("head_missing", ("count", .int(line.sequence))))
        }
        if line?.head == trusted || last == nil && trusted == .empty { return (trusted, nil) }
        if let line, try extends(trusted, upTo: line.head, in: folder, segments) { return (line.head, nil) }
        let found = line?.sequence ?? 0
        return (trusted, gap("log_altered", ("expected_count", .int(trusted.count)), ("found_count", .int(found))))
    }

    /// The start of a new segment behind this one.
    func next(in folder: SegmentFolder) throws(AuditError) -> ChainPlace {
        let file = try Descriptor(opening: folder.path(of: segment + 1), O_RDWR | O_CREAT | O_EXCL)
        try folder.synchronize()
        return ChainPlace(segment: segment + 1, file: file, size: 0, head: head, gaps: gaps, day: nil)
    }

    static func gap(_ cause: String, _ details: (key: String, value: JSONValue)...) -> Event {
        Event("audit.gap", .failure, severity: .critical, reason: cause, actor: "system", details: details)
    }

    /// The length up to and with the last newline.
    private static func wholeLines(of file: borrowing Descriptor, length: Int) throws(AuditError) -> Int {
        var end = length
        while end > 0 {
            let start = max(0, end - 65_536)
            if let newline = try file.read(end - start, at: start).lastIndex(of: 0x0A) { return start + newline + 1 }
            end = start
        }
        return 0
    }

    private static func moveAside(
        _ count: Int, from offset: Int, of file: borrowing Descriptor, path: String, _ disk: Disk
    ) throws(AuditError) {
        let aside = try Descriptor(opening: "\(path).\(offset).\(Timestamp.now().milliseconds).torn", O_WRONLY | O_CREAT | O_EXCL)
        var done = 0
        while done < count {
            let part = try file.read(min(1 << 20, count - done), at: offset + done)
            guard !part.isEmpty else { break }
            try disk.writeAll(part, at: done, to: aside)
            done += part.count
        }
        try disk.synchronize(aside)
        guard ftruncate(file.number, off_t(offset)) == 0 else { throw AuditError(.cannotWrite, SystemFailure.text("ftruncate")) }
    }

    /// The last whole line of the last segment that has one, without its newline.
    private static func lastLine(in folder: SegmentFolder, _ segments: [Int]) throws(AuditError) -> [UInt8]? {
        for segment in segments.reversed() {
            let file = try Descriptor(opening: folder.path(of: segment), O_RDONLY)
            let end = try wholeLines(of: file, length: try file.size)
            guard end > 0 else { continue }
            let start = try wholeLines(of: file, length: end - 1)
            return try file.read(min(end - 1 - start, LineReader.lineLimit), at: start)
        }
        return nil
    }

    /// True when the log holds the trusted head, and from there an unbroken chain to its end: a crash came between the
    /// records and the head.
    private static func extends(
        _ trusted: ChainHead, upTo end: ChainHead, in folder: SegmentFolder, _ segments: [Int]
    ) throws(AuditError) -> Bool {
        guard end.count > trusted.count else { return false }
        var first = segments.count - 1
        while first > 0, try firstSequence(of: segments[first], in: folder).map({ $0 > max(1, trusted.count) }) ?? true {
            first -= 1
        }
        var head: ChainHead? = trusted.count == 0 ? trusted : nil
        for segment in segments[first...] {
            var lines = try LineReader(folder.path(of: segment))
            while let bytes = try lines.next() {
                guard bytes.isWhole, let line = ChainLine(bytes.bytes) else { return false }
                if let before = head {
                    guard line.extends(before) else { return false }
                    head = line.head
                } else if line.sequence == trusted.count {
                    guard line.isIntact, line.head == trusted else { return false }
                    head = trusted
                }
            }
        }
        return head == end
    }

    private static func firstSequence(of segment: Int, in folder: SegmentFolder) throws(AuditError) -> Int? {
        var lines = try LineReader(folder.path(of: segment))
        return try lines.next().flatMap { ChainLine($0.bytes) }?.sequence
    }
}
