import Crypto
import Foundation
import Primitives
import Testing

@testable import Audit

/// What `audit verify` says with the public key alone (AUD-5).
@Suite struct SignedLogTests {
    private func signed(_ count: Int = 6) async throws -> (Place, Ed25519PublicKey) {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(count, signer)
        return (place, try signer.publicKey)
    }

    @Test func `no byte can be changed`() async throws {
        let (place, key) = try await signed(3)
        let url = URL(fileURLWithPath: place.segment())
        let whole = Array(try Data(contentsOf: url))
        #expect(try place.report(key).verdict.count != nil)
        for index in whole.indices {
            var bytes = whole
            bytes[index] ^= 1 << UInt8(index % 8)
            try Data(bytes).write(to: url)
            let line = whole[..<index].count { $0 == 0x0A } + 1
            let defect = try place.report(key).verdict.defect
            #expect(defect?.line == line, "byte \(index)")
        }
    }

    /// Renders the records anew from the given line on, with right numbers, links and hashes: all that goes without the key.
    static func rechained(_ lines: [String], from first: Int, _ change: (inout JSONValue, Int) -> Void) throws -> [String] {
        var out = Array(lines[..<first])
        for (index, line) in lines.enumerated().dropFirst(first) {
            var record = try JSONValue(parsing: line)
            change(&record, index)
            let previous = try out.last.flatMap { try JSONValue(parsing: $0)["hash"]?.string } ?? String(repeating: "0", count: 64)
            let members = record.object?.members.filter { !["hash", "prev", "seq"].contains($0.key) }.map { ($0.key, $0.value) }
            let body: JSONValue = .object(
                JSONObject((members ?? []) + [("prev", .string(previous)), ("seq", .int(out.count + 1))]))
            var message = ByteWriter()
            ChainMessage.open(&message, after: Hex.decode(previous) ?? [])
            message.append(body.canonical)
            let hash = Hex.encode(ChainMessage.close(&message))
            out.append(String(decoding: body.canonical.dropLast(), as: UTF8.self) + #","hash":"\#(hash)"}"#)
        }
        return out
    }

    @Test func `a chain recomputed without the key is found at the next checkpoint, and the doubtful records are named`()
        async throws
    {
        let (place, key) = try await signed(12)
        let lines = try place.lines()
        let target = try #require(lines.firstIndex { $0.contains("test.5") })
        let forged = try Self.rechained(lines, from: 0) { record, index in
            if index == target {
                record = .object(JSONObject([("actor", "mallory"), ("event", "test.5"), ("ts", record["ts"] ?? .null)]))
            }
        }
        try place.replace(forged)
        #expect(try place.report(nil).verdict.count == lines.count)
        let defect = try #require(try place.report(key).verdict.defect)
        let next = try #require(lines.indices.first { $0 > target && lines[$0].contains("audit.checkpoint") })
        #expect(defect.reason == .inconsistent && defect.line == next + 1)
        let unproven = try #require(defect.firstUnproven)
        #expect(unproven <= target + 1 && target + 1 <= next)
    }

    @Test func `a record dropped, swapped or doubled in a recomputed chain is found`() async throws {
        let (place, key) = try await signed(8)
        let lines = try place.lines()
        let target = try #require(lines.firstIndex { $0.contains("test.2") })
        for change in [0, 1, 2] {
            var changed = lines
            if change == 0 { changed.remove(at: target) }
            if change == 1 { changed.swapAt(target, target - 1) }
            if change == 2 { changed.insert(changed[target], at: target) }
            try place.replace(changed)
            #expect(try place.report(key).verdict.defect?.line == (change == 0 ? target + 1 : change == 1 ? target : target + 2))
            try place.replace(try Self.rechained(changed, from: 0) { _, _ in })
            #expect(try place.report(key).verdict.defect?.reason == .inconsistent)
        }
    }

    @Test func `checkpoints of another key, or none at all, prove nothing`() async throws {
        let (place, key) = try await signed()
        let defect = try #require(try place.report(try Ed25519Key().publicKey).verdict.defect)
        let first = try #require(try place.lines().firstIndex { $0.contains("audit.checkpoint") })
        #expect(defect.reason == .forged && defect.line == first + 1)
        let plain = try place.lines().filter { !$0.contains("audit.checkpoint") }
        try place.replace(try Self.rechained(plain, from: 0) { _, _ in })
        #expect(try place.report(key).verdict.defect?.reason == .unsigned)
    }

    @Test func `a cut log says how far it is signed`() async throws {
        let (place, key) = try await signed(12)
        let before = try place.report(key)
        let lines = try place.lines()
        let cut = try #require(lines.indices.dropLast().last { lines[$0].contains("audit.checkpoint") })
        try place.replace(Array(lines[...cut]))
        let after = try place.report(key)
        #expect(after.coverage.size < before.coverage.size && after.coverage.checkpoints < before.coverage.checkpoints)
        #expect(try place.verdict() == .truncated(count: cut + 1, expected: lines.count))  // with the head
    }

    @Test func `every record covered is proven to who has the key, and to nobody else (AUD-5)`() async throws {
        let (place, key) = try await signed(9)
        let lines = try place.lines()
        for sequence in 1..<lines.count {
            let proof = try #require(try AuditProver(folder: place.folder).proof(of: sequence))
            #expect(proof.line == lines[sequence - 1])
            let read = try #require(AuditProof(try JSONValue(parsing: proof.json.text)))
            #expect(read.verdict(key) == .ok)
            #expect(read.verdict(try Ed25519Key().publicKey) == .forged)
        }
        #expect(try AuditProver(folder: place.folder).proof(of: lines.count) == nil)  // the last checkpoint covers not itself
        #expect(try AuditProver(folder: place.folder).proof(of: lines.count + 1) == nil)
    }

    @Test func `no byte of a proof can be changed`() async throws {
        let (place, key) = try await signed(5)
        let whole = try #require(try AuditProver(folder: place.folder).proof(of: 3)).json.serialized
        for index in whole.indices {
            var bytes = whole
            bytes[index] ^= 1
            guard let json = try? JSONValue(parsing: bytes), let proof = AuditProof(json) else { continue }
            #expect(proof.verdict(key) != .ok, "byte \(index)")
        }
    }

    @Test func `a proof is found over files`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(20, signer, segment: 2500)
        #expect(try SegmentFolder(path: place.folder).segments().count > 3)
        for sequence in [1, 7, 15, 21] {
            let proof = try #require(try AuditProver(folder: place.folder).proof(of: sequence))
            #expect(proof.verdict(try signer.publicKey) == .ok)
        }
        #expect(try place.report(try signer.publicKey).verdict.count != nil)
    }
}
