internal import Glibc
package import Primitives

/// Reads records back, oldest first. Blocks its thread: for commands, never on an event loop. Lines that are no JSON are
/// passed over; `AuditVerifier` is who tells of them.
package struct AuditReader: Sendable {
    /// One stored line.
    package struct Entry: Sendable {
        package let record: JSONValue
        /// As stored, without the newline.
        package let line: [UInt8]
    }

    private let folder: SegmentFolder

    package init(folder: String) { self.folder = SegmentFolder(path: folder) }

    /// Gives every matching record to `body`, in constant memory. Reads what the index beside the log leaves, and brings that up to
    /// date where it may; without the right to write it reads the rest.
    /// - Parameters:
    ///   - limit: ends after so many.
    ///   - body: false ends the search.
    package func search(
        _ filter: AuditFilter = AuditFilter(), limit: Int = .max, _ body: (Entry) -> Bool
    ) throws(AuditError) {
        var left = limit
        for part in try LogPart.snapshot(of: folder, also: { () throws(AuditError) in }).parts where left > 0 {
            guard folder.exists(part.segment) else { continue }  // removed meanwhile, past its retention
            for range in ranges(in: part, filter) where left > 0 {
                var lines = try LineReader(folder.path(of: part.segment), from: range.lowerBound, to: range.upperBound)
                while left > 0, let line = try lines.next() {
                    guard let entry = Self.entry(line, filter) else { continue }
                    left -= 1
                    guard body(entry) else { return }
                }
            }
        }
    }

    /// What of a file has to be read.
    private func ranges(in part: LogPart, _ filter: AuditFilter) -> [Range<Int>] {
        let terms = SearchTerms.of(filter)
        guard !terms.isEmpty || filter.since != nil || filter.until != nil else { return [0..<part.size] }
        try? SegmentIndex.extend(part, in: folder)
        guard let index = SegmentIndex(part.segment, in: folder), index.covered <= part.size else { return [0..<part.size] }
        return index.candidates(terms, since: filter.since, until: filter.until) + [index.covered..<part.size]
    }

    /// The last `count` records.
    package func tail(_ count: Int) throws(AuditError) -> [Entry] {
        var out: [Entry] = []
        _ = try tail(count) { out.append($0) }
        return out
    }

    /// Gives the last `count` records to `body` and then every new one, until `isDone`.
    /// - Parameters:
    ///   - interval: between two looks at the folder.
    ///   - isDone: asked before every look.
    package func follow(
        last count: Int, every interval: Duration = .milliseconds(200), until isDone: () -> Bool, _ body: (Entry) -> Void
    ) throws(AuditError) {
        var place = try tail(count, body)
        while !isDone() {
            for part in try LogPart.snapshot(of: folder, also: { () throws(AuditError) in }).parts
            where part.segment >= place.segment {
                let start = part.segment == place.segment ? min(place.offset, part.size) : 0
                var lines = try LineReader(folder.path(of: part.segment), from: start, to: part.size)
                while let line = try lines.next(), line.isWhole {
                    place = (part.segment, lines.offset)
                    if let entry = Self.entry(line) { body(entry) }
                }
            }
            pause(interval)
        }
    }

    /// Gives the last records to `body`.
    /// - Returns: where the log ended.
    private func tail(_ count: Int, _ body: (Entry) -> Void) throws(AuditError) -> (segment: Int, offset: Int) {
        let parts = try LogPart.snapshot(of: folder, also: { () throws(AuditError) in }).parts
        let (first, offset) = try LogTail.start(ofLast: count, in: parts, folder)
        for (index, part) in parts.enumerated() where index >= first && folder.exists(part.segment) {
            var lines = try LineReader(folder.path(of: part.segment), from: index == first ? offset : 0, to: part.size)
            while let line = try lines.next() {
                if let entry = Self.entry(line) { body(entry) }
            }
        }
        return (parts.last?.segment ?? 1, parts.last?.size ?? 0)
    }

    private static func entry(_ line: LineReader.Line, _ filter: AuditFilter? = nil) -> Entry? {
        guard line.isWhole, let document = try? JSONDocument(parsing: line.bytes) else { return nil }
        if let filter, !filter.matches(document.root) { return nil }
        return Entry(record: document.root.value, line: line.bytes)
    }

    private func pause(_ interval: Duration) {
        let parts = interval.components
        var time = timespec(tv_sec: Int(parts.seconds), tv_nsec: Int(parts.attoseconds / 1_000_000_000))
        unsafe nanosleep(&time, nil)
    }
}
