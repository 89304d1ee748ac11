package import Crypto
package import Primitives

/// Reads the whole log and says whether it is what was written (AUD-5): every record's hash, number and link, that the head kept
/// outside is part of it, and with a public key, that every checkpoint is signed by it and continues the one before. Runs beside
/// writers or on a copy elsewhere; constant memory.
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
            /// A checkpoint that is none, or that the key did not sign.
            case forged
            /// The records before the checkpoint do not have the root that was signed: at least one was replaced, or is missing.
            case inconsistent
            /// No checkpoint covers the record, though by its place one should.
            case unsigned
        }

        package let reason: Reason
        /// The file's name in the folder.
        package let segment: String
        /// From 1, in that file.
        package let line: Int
        /// The number the record says it has; the expected one when it says none.
        package let sequence: Int
        /// The first record that is not proven, where it is before the one named: a root speaks for many.
        var firstUnproven: Int?

        package var description: String {
            "\(segment) line \(line) (seq \(sequence)): \(reason.rawValue)"
                + (firstUnproven.map { ", and records from seq \($0) on are not proven" } ?? "")
        }
    }

    package enum Verdict: Sendable, Hashable {
        case ok(count: Int, head: ChainHead)
        case bad(Defect)
        /// The end is missing: the head counts more records.
        case truncated(count: Int, expected: Int)
        /// The records agree with each other, but without the head nobody can tell whether the end is missing.
        case headMissing(count: Int, head: ChainHead)
    }

    /// What the signatures say.
    package struct Coverage: Sendable, Hashable {
        package var checkpoints = 0
        /// How many records the last of them covers.
        package var size = 0
        /// When it was signed; nil without one.
        package var time: Timestamp?
    }

    package struct Report: Sendable {
        package let verdict: Verdict
        package let coverage: Coverage
    }

    /// So many records may follow the last checkpoint. In a log that is kept, a minute's worth does.
    package static let unsignedLimit = 65_536

    private let folder: SegmentFolder
    private let headFile: HeadFile?
    private let publicKey: Ed25519PublicKey?
    private let witnessed: [Checkpoint]

    /// - Parameters:
    ///   - headFile: nil for a copy that came without it.
    ///   - publicKey: nil leaves the signatures out, and with them every proof against who can write the files.
    ///   - witnessed: checkpoints from outside; those the key signed have to be in the log.
    package init(
        folder: String, headFile: String?, publicKey: Ed25519PublicKey? = nil, witnessed: [Checkpoint] = []
    ) {
        self.witnessed = publicKey.map { key in witnessed.filter { $0.isSigned(by: key) } } ?? []
        self.folder = SegmentFolder(path: folder)
        self.headFile = headFile.map { HeadFile(path: $0) }
        self.publicKey = publicKey
    }

    /// - Throws: `.cannotRead` when a file cannot be read; that says nothing of the records.
    package func verify() throws(AuditError) -> Verdict { try examine().verdict }

    /// - Throws: as `verify`.
    package func examine() throws(AuditError) -> Report {
        let (parts, stored) = try LogPart.snapshot(of: folder) { () throws(AuditError) in try headFile?.read() }
        var check = ChainCheck(expected: stored, publicKey: publicKey, witnessed: witnessed)
        for part in parts {
            if let defect = try check.defect(in: part, folder) { return Report(verdict: .bad(defect), coverage: check.coverage) }
        }
        if let defect = check.defectAtEnd { return Report(verdict: .bad(defect), coverage: check.coverage) }
        let last = witnessed.map(\.size).max() ?? 0
        if last > check.coverage.size {
            return Report(verdict: .truncated(count: check.head.count, expected: last + 1), coverage: check.coverage)
        }
        return Report(verdict: verdict(check.head, stored), coverage: check.coverage)
    }

    private func verdict(_ head: ChainHead, _ stored: ChainHead?) -> Verdict {
        guard let stored else {
            return headFile == nil || head.count == 0
                ? .ok(count: head.count, head: head) : .headMissing(count: head.count, head: head)
        }
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

    static func parts(of folder: SegmentFolder) throws(AuditError) -> [LogPart] {
        var parts: [LogPart] = []
        for segment in try folder.segments() {
            parts.append(LogPart(segment: segment, size: try Descriptor(opening: folder.path(of: segment), 0).size))
        }
        return parts
    }
}
