internal import Primitives

/// Reads the whole log and says whether it is what was written (AUD-5): every record's hash, number and link, and that the
/// head kept outside is part of it. Runs beside writers; constant memory.
package struct AuditVerifier: Sendable {
    /// The first thing that is not as it was written.
    package struct Defect: Sendable, Hashable, CustomStringConvertible {
        package enum Reason: String, Sendable {
            /// Not strict JSON with the members of a record, or too long.
            case malformed
            /// The last line has no end: a crash, not yet repaired by the next start.
            case torn
            /// The content does not have the hash the line says: it was edited.
            case altered
            /// The number is not the one after the record before: records are missing, doubled, or in another order.
            case misplaced
            /// The link is not the hash of the record before: that one was replaced.
            case unlinked
            /// The record the head names has another hash: the log was written anew.
            case replaced
        }

        package let reason: Reason
        /// The file's name in the folder.
        package let segment: String
        /// From 1, in that file.
        package let line: Int
        /// The number the record says it has; the expected one when it says none.
        package let sequence: Int

        package var description: String { "\(segment) line \(line) (seq \(sequence)): \(reason.rawValue)" }
    }

    package enum Verdict: Sendable, Hashable {
        case ok(count: Int, head: ChainHead)
        case bad(Defect)
        /// The end is missing: the head counts more records.
        case truncated(count: Int, expected: Int)
        /// The records agree with each other, but without the head nobody can tell whether the end is missing.
        case headMissing(count: Int, head: ChainHead)
    }

    private let folder: SegmentFolder
    private let headFile: HeadFile

    package init(folder: String, headFile: String) {
        self.folder = SegmentFolder(path: folder)
        self.headFile = HeadFile(path: headFile)
    }

    /// - Throws: `.cannotRead` when a file cannot be read; that says nothing of the records.
    package func verify() throws(AuditError) -> Verdict {
        let (parts, stored) = try LogPart.snapshot(of: folder) { () throws(AuditError) in try headFile.read() }
        var check = ChainCheck(expected: stored)
        for part in parts {
            if let defect = try check.defect(in: part, folder) { return .bad(defect) }
        }
        let head = check.head
        guard let stored else { return head.count == 0 ? .ok(count: 0, head: head) : .headMissing(count: head.count, head: head) }
        return stored.count > head.count
            ? .truncated(count: head.count, expected: stored.count) : .ok(count: head.count, head: head)
    }
}

/// A segment as long as it was when reading began.
struct LogPart: Sendable {
    let segment: Int
    let size: Int

    /// The parts between two batches of any writer, with what `also` reads at that moment. Without the right to lock (a
    /// copy on read-only media) simply what is there.
    static func snapshot<T>(
        of folder: SegmentFolder, also: () throws(AuditError) -> T
    ) throws(AuditError) -> (parts: [LogPart], also: T) {
        guard let lock = try? FolderLock(in: folder, creating: false) else { return (try parts(of: folder), try also()) }
        try lock.acquire(shared: true)
        defer { lock.release() }
        return (try parts(of: folder), try also())
    }

    private static func parts(of folder: SegmentFolder) throws(AuditError) -> [LogPart] {
        var parts: [LogPart] = []
        for segment in try folder.segments() {
            parts.append(LogPart(segment: segment, size: try Descriptor(opening: folder.path(of: segment), 0).size))
        }
        return parts
    }
}

/// The state of verification between two lines.
private struct ChainCheck {
    private(set) var head = ChainHead.empty
    let expected: ChainHead?

    init(expected: ChainHead?) { self.expected = expected }

    mutating func defect(in part: LogPart, _ folder: SegmentFolder) throws(AuditError) -> AuditVerifier.Defect? {
        var lines = try LineReader(folder.path(of: part.segment), to: part.size)
        var number = 0
        while let line = try lines.next() {
            number += 1
            let parsed = ChainLine(line.bytes)
            if let reason = reason(line, parsed) {
                return AuditVerifier.Defect(
                    reason: reason, segment: SegmentFolder.name(of: part.segment), line: number,
                    sequence: parsed?.sequence ?? head.count + 1)
            }
        }
        return nil
    }

    private mutating func reason(_ line: LineReader.Line, _ parsed: ChainLine?) -> AuditVerifier.Defect.Reason? {
        guard line.isWhole else { return .torn }
        guard let parsed else { return .malformed }
        guard parsed.isIntact else { return .altered }
        guard parsed.sequence == head.count + 1 else { return .misplaced }
        guard parsed.previous == head.hash else { return .unlinked }
        head = parsed.head
        return head.count == expected?.count && head != expected ? .replaced : nil
    }
}
