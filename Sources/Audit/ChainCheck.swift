internal import Crypto
internal import Primitives

/// The state of verification between two lines.
struct ChainCheck {
    typealias Defect = AuditVerifier.Defect

    private(set) var head = ChainHead.empty
    /// The first line, when it is not the first record: what was before must have been removed on record.
    private var start: Defect.Place?
    /// Up to where a record says older ones were removed.
    private var prunedThrough = 0
    private let expected: ChainHead?
    private var roots: RootCheck?

    var coverage: AuditVerifier.Coverage { roots?.coverage ?? AuditVerifier.Coverage() }

    init(expected: ChainHead?, publicKey: Ed25519PublicKey?, witnessed: [Checkpoint] = []) {
        self.expected = expected
        roots = publicKey.map { RootCheck(publicKey: $0, witnessed: witnessed) }
    }

    mutating func defect(in part: LogPart, _ folder: SegmentFolder) throws(AuditError) -> Defect? {
        var lines = try LineReader(folder.path(of: part.segment), to: part.size)
        var number = 0
        while let line = try lines.next() {
            number += 1
            let parsed = ChainLine(line.bytes)
            let place = Defect.Place(
                segment: SegmentFolder.name(of: part.segment), line: number, sequence: parsed?.sequence ?? head.count + 1)
            if head == .empty, let parsed, parsed.sequence > 1, parsed.isIntact {
                start = place
                head = ChainHead(count: parsed.sequence - 1, hash: parsed.previous)
                roots?.begin(after: head.count)
            }
            if let reason = reason(line, parsed) { return Defect(reason: reason, place) }
            if let parsed {
                prunedThrough = max(prunedThrough, parsed.prunedThrough)
                if let defect = roots?.defect(parsed, place) { return defect }
            }
        }
        return nil
    }

    /// What no single line tells.
    var defectAtEnd: Defect? {
        if let start, prunedThrough < start.sequence - 1 { return Defect(reason: .misplaced, start) }
        return roots?.defectAtEnd
    }

    private mutating func reason(_ line: LineReader.Line, _ parsed: ChainLine?) -> Defect.Reason? {
        guard line.isWhole else { return .torn }
        guard let parsed else { return .malformed }
        guard parsed.isIntact else { return .altered }
        guard parsed.sequence == head.count + 1 else { return .misplaced }
        guard parsed.previous == head.hash else { return .unlinked }
        head = parsed.head
        return head.count == expected?.count && head != expected ? .replaced : nil
    }
}

/// Follows the Merkle tree along with the chain, and holds every checkpoint against it.
private struct RootCheck {
    typealias Defect = AuditVerifier.Defect

    let publicKey: Ed25519PublicKey
    private(set) var coverage = AuditVerifier.Coverage()
    /// As large as the last checkpoint says. Before the first one of a log whose beginning was removed it is not known.
    private var tree = MerkleFrontier()
    private var isKnown = true
    /// The records the tree stands for, or that were removed before the first one here.
    private var base = 0
    /// The leaves behind it, 32 bytes each, at most `unsignedLimit`.
    private var uncovered: [UInt8] = []
    /// The first line of every file, so that a record is found by its number.
    private var starts: [Defect.Place] = []

    /// What outside witnesses kept, by size.
    private let witnessed: [Int: [Checkpoint]]

    init(publicKey: Ed25519PublicKey, witnessed: [Checkpoint]) {
        self.publicKey = publicKey
        self.witnessed = Dictionary(grouping: witnessed, by: \.size)
    }

    /// The log begins behind so many records.
    mutating func begin(after count: Int) { (base, isKnown) = (count, false) }

    mutating func defect(_ line: ChainLine, _ place: Defect.Place) -> Defect? {
        if place.line == 1 { starts.append(place) }
        if line.isCheckpoint, let defect = judge(line.checkpoint, place) { return defect }
        uncovered += line.hash
        return uncovered.count > AuditVerifier.unsignedLimit * 32 ? unsigned : nil
    }

    /// A log without any checkpoint proves nothing to who has only the key.
    var defectAtEnd: Defect? { coverage.checkpoints == 0 && !uncovered.isEmpty ? unsigned : nil }

    /// Names the first record that no checkpoint covers.
    private var unsigned: Defect? {
        let sequence = base + 1
        return starts.last { $0.sequence <= sequence }.map { start in
            Defect(
                reason: .unsigned,
                Defect.Place(
                    segment: start.segment, line: start.line + sequence - start.sequence, sequence: sequence))
        }
    }

    private mutating func judge(_ checkpoint: Checkpoint?, _ place: Defect.Place) -> Defect? {
        guard let checkpoint, checkpoint.isSigned(by: publicKey) else { return Defect(reason: .forged, place) }
        let added = checkpoint.size - base
        // One that was signed before what is here began: there is nothing to hold it against.
        if !isKnown, added < 0 { return nil }
        // A checkpoint covers what is before it, and no less than the one before.
        guard added >= 0, added * 32 <= uncovered.count else {
            return Defect(reason: .inconsistent, place, firstUnproven: base + 1)
        }
        if isKnown {
            for start in stride(from: 0, to: added * 32, by: 32) { tree.append(MerkleHash.leaf(uncovered[start..<start + 32])) }
            guard tree.root == checkpoint.root else {
                return Defect(reason: .inconsistent, place, firstUnproven: base + 1)
            }
        } else {
            // Its frontier is the beginning. The records here before it are proven by their links to those behind.
            (tree, isKnown) = (checkpoint.frontier, true)
        }
        // Two roots of one size, both signed: there were two logs.
        if let others = witnessed[checkpoint.size], others.contains(where: { $0.root != checkpoint.root }) {
            return Defect(reason: .inconsistent, place, firstUnproven: base + 1)
        }
        uncovered.removeFirst(added * 32)
        base = checkpoint.size
        coverage.checkpoints += 1
        coverage.size = checkpoint.size
        coverage.time = checkpoint.time
        return nil
    }
}

extension AuditVerifier.Defect {
    /// A line of the log.
    struct Place: Sendable {
        let segment: String
        let line: Int
        let sequence: Int
    }

    init(reason: Reason, _ place: Place, firstUnproven: Int? = nil) {
        self.init(
            reason: reason, segment: place.segment, line: place.line, sequence: place.sequence, firstUnproven: firstUnproven)
    }
}
