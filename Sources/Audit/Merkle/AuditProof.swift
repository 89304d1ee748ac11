package import Crypto
package import Primitives

/// That one record is in the log, for somebody who has nothing of the log but the public key (AUD-5).
package struct AuditProof: Sendable, Hashable {
    static let label = "gatehouse.audit.proof/1"

    /// The record as it is stored.
    package let line: String
    package let checkpoint: Checkpoint
    let path: InclusionPath

    init(line: String, checkpoint: Checkpoint, path: InclusionPath) {
        self.line = line
        self.checkpoint = checkpoint
        self.path = path
    }

    /// Nil when the text is no proof.
    package init?(_ json: JSONValue) {
        guard json["proof"]?.string == Self.label, let line = json["record"]?.string,
            let checkpoint = json["checkpoint"].flatMap({ Checkpoint($0) }), let index = json["index"]?.int,
            let hashes = json["path"]?.array?.map({ $0.string.flatMap(Hex.decode) ?? [] })
        else { return nil }
        self.init(line: line, checkpoint: checkpoint, path: InclusionPath(index: index, size: checkpoint.size, hashes: hashes))
    }

    package var json: JSONValue {
        [
            "proof": .string(Self.label), "record": .string(line), "index": .int(path.index),
            "path": .strings(path.hashes.map { Hex.encode($0) }), "checkpoint": checkpoint.json,
        ]
    }

    package enum Verdict: String, Sendable {
        case ok
        /// The record does not have the hash it states.
        case altered
        /// The path does not lead from the record to the signed root.
        case notIncluded = "not_included"
        /// The key did not sign the checkpoint.
        case forged
    }

    package func verdict(_ key: Ed25519PublicKey) -> Verdict {
        guard checkpoint.isSigned(by: key) else { return .forged }
        guard let parsed = ChainLine(Array(line.utf8)), parsed.isIntact else { return .altered }
        let isIncluded = parsed.sequence == path.index + 1 && path.root(from: MerkleHash.leaf(parsed.hash)) == checkpoint.root
        return isIncluded ? .ok : .notIncluded
    }

    /// The members of the record, for who reads it.
    package var sequence: Int { path.index + 1 }
}

/// Makes proofs out of a log.
package struct AuditProver: Sendable {
    private let folder: SegmentFolder

    package init(folder: String) { self.folder = SegmentFolder(path: folder) }

    /// Nil when there is no such record, or no checkpoint covers it yet. Reads the files around the record, or all of them when
    /// no checkpoint precedes it.
    package func proof(of sequence: Int) throws(AuditError) -> AuditProof? {
        let parts = try LogPart.snapshot(of: folder, also: { () throws(AuditError) in }).parts
        guard sequence > 0, !parts.isEmpty else { return nil }
        var first = parts.count - 1
        while first > 0, try firstSequence(parts[first]) ?? .max > sequence { first -= 1 }
        first = max(0, first - 1)
        if let proof = try proof(of: sequence, in: parts[first...]) { return proof }
        return first > 0 ? try proof(of: sequence, in: parts[...]) : nil
    }

    private func firstSequence(_ part: LogPart) throws(AuditError) -> Int? {
        var lines = try LineReader(folder.path(of: part.segment), to: part.size)
        return try lines.next().flatMap { ChainLine($0.bytes) }?.sequence
    }

    /// From the last checkpoint before the record, or the beginning of the log, to the first that covers it.
    private func proof(of sequence: Int, in parts: ArraySlice<LogPart>) throws(AuditError) -> AuditProof? {
        var search = ProofSearch(sequence)
        for part in parts {
            var lines = try LineReader(folder.path(of: part.segment), to: part.size)
            while let line = try lines.next() {
                guard let parsed = ChainLine(line.bytes) else { continue }
                if let proof = search.pass(parsed, line.bytes) { return proof }
            }
        }
        return nil
    }
}

/// The state of the search between two lines.
private struct ProofSearch {
    private let sequence: Int
    private var base: MerkleFrontier?
    /// The leaves behind the base, 32 bytes each, from `first` on.
    private var hashes: [UInt8] = []
    private var first = 1
    private var line: [UInt8]?

    init(_ sequence: Int) { self.sequence = sequence }

    mutating func pass(_ parsed: ChainLine, _ bytes: [UInt8]) -> AuditProof? {
        if base == nil, hashes.isEmpty {
            first = parsed.sequence
            if first == 1 { base = MerkleFrontier() }
        }
        if let checkpoint = parsed.checkpoint {
            if checkpoint.size < sequence { rebase(checkpoint.frontier) } else if let proof = proof(by: checkpoint) { return proof }
        }
        if parsed.sequence == sequence { line = bytes }
        hashes += parsed.hash
        return nil
    }

    private mutating func rebase(_ frontier: MerkleFrontier) {
        let known = frontier.count + 1 - first
        guard known >= 0, known * 32 <= hashes.count else { return }
        hashes.removeFirst(known * 32)
        first += known
        base = frontier
    }

    private func proof(by checkpoint: Checkpoint) -> AuditProof? {
        guard let base, let line, base.count == first - 1 else { return nil }
        var builder = InclusionPathBuilder(index: sequence - 1, size: checkpoint.size, from: base)
        for start in stride(from: 0, to: min(hashes.count, (checkpoint.size - base.count) * 32), by: 32) {
            builder.pass(MerkleHash.leaf(hashes[start..<start + 32]), at: base.count + start / 32)
        }
        guard let path = builder.path else { return nil }
        return AuditProof(line: String(decoding: line, as: UTF8.self), checkpoint: checkpoint, path: path)
    }
}
