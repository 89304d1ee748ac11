import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct AuditVerifierTests {
    @Test func `an empty log is in order`() async throws {
        let place = try Place()
        #expect(try place.verdict() == .ok(count: 0, head: .empty))
        try await place.fill(0)
        #expect(try place.verdict() == .ok(count: 0, head: .empty))
    }

    @Test func `the head is the last record's hash`() async throws {
        let place = try Place()
        try await place.fill(3)
        guard case .ok(3, let head) = try place.verdict() else { return #expect(Bool(false)) }
        #expect(try place.records().last?["hash"]?.string == head.description)
    }

    struct Tampering: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let reason: AuditVerifier.Defect.Reason
        let line: Int
        let apply: @Sendable (inout [String]) -> Void
    }

    static let tamperings = [
        Tampering(testDescription: "a value edited", reason: .altered, line: 3) {
            $0[2] = $0[2].replacingOccurrences(of: "alice", with: "mallo")
        },
        Tampering(testDescription: "white space added", reason: .altered, line: 3) { $0[2] = "{ " + $0[2].dropFirst() },
        Tampering(testDescription: "a hash edited", reason: .altered, line: 3) {
            $0[2] =
                $0[2].dropLast(3) + "0\"}" == $0[2]
                ? $0[2].dropLast(3) + "1\"}" : $0[2].dropLast(3) + "0\"}"
        },
        Tampering(testDescription: "a record deleted", reason: .misplaced, line: 3) { $0.remove(at: 2) },
        Tampering(testDescription: "the first record deleted", reason: .misplaced, line: 1) { $0.remove(at: 0) },
        Tampering(testDescription: "records reordered", reason: .misplaced, line: 2) { $0.swapAt(1, 2) },
        Tampering(testDescription: "a record doubled", reason: .misplaced, line: 4) { $0.insert($0[2], at: 3) },
        Tampering(testDescription: "a line inserted", reason: .malformed, line: 4) { $0.insert(#"{"seq":4}"#, at: 3) },
        Tampering(testDescription: "an empty line inserted", reason: .malformed, line: 2) { $0.insert("", at: 1) },
        Tampering(testDescription: "garbage at the end", reason: .malformed, line: 7) { $0.append("garbage") },
        Tampering(testDescription: "a record rehashed", reason: .unlinked, line: 4) { $0[2] = rehashed($0[2]) },
        Tampering(testDescription: "the last record rehashed", reason: .replaced, line: 6) { $0[5] = rehashed($0[5]) },
    ]

    /// What somebody who knows the rules writes: other content with a right hash.
    static func rehashed(_ line: String) -> String {
        guard let parsed = try? JSONValue(parsing: line), let previous = Hex.decode(parsed["prev"]?.string ?? ""),
            let sequence = parsed["seq"]?.int
        else { return "" }
        var renderer = RecordRenderer(after: ChainHead(count: sequence - 1, hash: previous), node: "n1")
        var out = ByteWriter()
        renderer.append(.sample("test.forged"), to: &out)
        return String(decoding: out.bytes.dropLast(), as: UTF8.self)
    }

    @Test(arguments: tamperings)
    func `the first bad record is named`(_ tampering: Tampering) async throws {
        let place = try Place()
        try await place.fill(6)
        var lines = try place.lines()
        tampering.apply(&lines)
        try place.replace(lines)
        let defect = try #require(try place.verdict().defect)
        #expect(defect.reason == tampering.reason)
        #expect(defect.line == tampering.line)
        #expect(defect.segment == "audit-00000001.jsonl")
    }

    @Test(arguments: [0, 1, 4]) func `a cut end shows`(_ kept: Int) async throws {
        let place = try Place()
        try await place.fill(5)
        try place.replace(Array(try place.lines().prefix(kept)))
        #expect(try place.verdict() == .truncated(count: kept, expected: 5))
    }

    @Test func `a removed folder shows`() async throws {
        let place = try Place()
        try await place.fill(5)
        try FileManager.default.removeItem(atPath: place.folder)
        #expect(try place.verdict() == .truncated(count: 0, expected: 5))
    }

    @Test func `a log written anew shows`() async throws {
        let (place, other) = (try Place(), try Place())
        try await place.fill(3)
        let log = try other.open()
        for index in 0..<4 { try await log.append([.sample("forged.\(index)")]) }
        await log.close()
        try place.replace(try other.lines())
        #expect(try place.verdict().defect?.reason == .replaced)
    }

    @Test func `an end without newline is torn`() async throws {
        let place = try Place()
        try await place.fill(2)
        try place.append(#"{"actor":"al"#)
        let defect = try #require(try place.verdict().defect)
        #expect(defect.reason == .torn && defect.line == 3)
    }

    @Test func `a line beyond every bound is malformed, not read into memory`() async throws {
        let place = try Place()
        try await place.fill(1)
        try place.append(String(repeating: "x", count: 3 << 20) + "\n")
        #expect(try place.verdict().defect?.line == 2)
    }

    @Test func `a missing head is told`() async throws {
        let place = try Place()
        try await place.fill(2)
        try FileManager.default.removeItem(atPath: place.head)
        guard case .headMissing(2, _) = try place.verdict() else { return #expect(Bool(false)) }
    }

    @Test func `a log ahead of its head is in order, as after a crash`() async throws {
        let place = try Place()
        try await place.fill(2)
        let head = try Data(contentsOf: URL(fileURLWithPath: place.head))
        try await place.fill(2)
        try head.write(to: URL(fileURLWithPath: place.head))
        #expect(try place.verdict().count == 4)
    }

    @Test func `the chain runs over segments`() async throws {
        let place = try Place()
        let log = try place.open(limits: .init(segment: 600))
        for index in 0..<9 { try await log.append([.sample("test.\(index)")]) }
        await log.close()
        #expect(try SegmentFolder(path: place.folder).segments().count == 5)
        #expect(try place.verdict().count == 9)
        try FileManager.default.removeItem(atPath: place.segment(2))
        #expect(try place.verdict().defect?.segment == "audit-00000003.jsonl")
    }
}
