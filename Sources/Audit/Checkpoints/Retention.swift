internal import Glibc
internal import Primitives

/// Removes files whose records are older than they have to be kept. Never the last two, so that what is left always begins with
/// checkpoints enough to be verified from.
struct Retention {
    /// What may go.
    struct Plan: Equatable {
        let segments: [Int]
        /// The last record in them.
        let through: Int

        /// Written and signed before anything is removed: it is what tells retention from tampering.
        var record: AuditRecord {
            ChainWriter.record(
                of: Event(
                    "audit.pruned", actor: "system", details: [("through", .int(through)), ("files", .int(segments.count))]))
        }
    }

    let folder: SegmentFolder
    let period: Duration

    /// Nil when nothing is old enough.
    /// - Parameter size: how many records the last checkpoint covers; those behind stay.
    func plan(at now: Timestamp, signed size: Int) throws(AuditError) -> Plan? {
        let parts = try LogPart.parts(of: folder)
        var (removable, through): ([Int], Int) = ([], 0)
        for (index, part) in parts.dropLast(2).enumerated() {
            // A file's last record is right before the first of the next one.
            guard let time = try ChainLine.time(ofFirstLineIn: folder.path(of: parts[index + 1].segment)), time < now - period,
                let next = try firstSequence(of: parts[index + 1].segment), next - 1 <= size
            else { break }
            removable.append(part.segment)
            through = next - 1
        }
        return removable.isEmpty ? nil : Plan(segments: removable, through: through)
    }

    func carryOut(_ plan: Plan) throws(AuditError) {
        let lock = try FolderLock(in: folder)
        try lock.acquire()
        defer { lock.release() }
        for segment in plan.segments {
            unsafe unlink(SegmentIndex.path(of: segment, in: folder))
            guard unsafe unlink(folder.path(of: segment)) == 0 || errno == ENOENT else {
                throw AuditError(.cannotWrite, SystemFailure.text("removing", folder.path(of: segment)))
            }
        }
        try folder.synchronize()
    }

    private func firstSequence(of segment: Int) throws(AuditError) -> Int? {
        var lines = try LineReader(folder.path(of: segment))
        return try lines.next().flatMap { ChainLine($0.bytes) }?.sequence
    }
}
