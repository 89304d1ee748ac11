import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct ChainWriterTests {
    @Test func `two logs on one folder write one chain`() async throws {
        let place = try Place()
        let (one, two) = (try place.open(limits: .init(segment: 8000)), try place.open(limits: .init(segment: 8000)))
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                let log = index % 2 == 0 ? one : two
                group.addTask { await #expect(throws: Never.self) { try await log.append([.sample("test.\(index)")]) } }
            }
        }
        for index in 0..<20 { try await (index % 2 == 0 ? one : two).append([.sample("turn.\(index)")]) }
        await one.close()
        await two.close()
        #expect(try place.verdict().count == 220)
        #expect(try SegmentFolder(path: place.folder).segments().count > 1)
    }

    @Test func `opening goes on where the chain ended`() async throws {
        let place = try Place()
        for _ in 0..<3 { try await place.fill(2) }
        #expect(try place.verdict().count == 6)
    }

    @Test(arguments: ["x", "{\"actor\":\"al", String(repeating: "\u{0}", count: 200_000)])
    func `a torn last line is moved aside and told`(_ torn: String) async throws {
        let place = try Place()
        try await place.fill(2)
        try place.append(torn)
        try await place.fill(1)
        #expect(try place.verdict().count == 4)
        let gap = try place.records()[2]
        #expect(gap["event"] == "audit.gap" && gap["reason"] == "torn_line" && gap["bytes"]?.int == torn.utf8.count)
        let aside = try FileManager.default.contentsOfDirectory(atPath: place.folder).filter { $0.hasSuffix(".torn") }
        #expect(try aside.map { try String(contentsOfFile: place.folder + "/" + $0, encoding: .utf8) } == [torn])
    }

    @Test func `a log that is only a torn line begins anew`() async throws {
        let place = try Place()
        try await place.fill(0)
        try place.append("torn")
        try await place.fill(1)
        #expect(try place.verdict().count == 2)
    }

    @Test func `a line torn by another process is found while running`() async throws {
        let place = try Place()
        let log = try place.open()
        try await log.append([.sample("a")])
        try place.append("torn by somebody")
        try await log.append([.sample("b")])
        await log.close()
        #expect(try place.records().map { $0["event"]?.string } == ["a", "audit.gap", "b"])
        #expect(try place.verdict().count == 3)
    }

    @Test func `the gap is told once the disk takes it`() async throws {
        let (place, fake) = (try Place(), FakeDisk())
        try await place.fill(1)
        try place.append("torn")
        let log = try place.open(disk: fake.disk)
        fake.set(.full)
        await #expect(throws: AuditError(.cannotWrite)) { try await log.append([.sample("a")]) }
        fake.set(.fine)
        try await log.append([.sample("b")])
        await log.close()
        #expect(try place.records().map { $0["event"]?.string } == ["test.0", "audit.gap", "b"])
    }

    @Test func `a crash between records and head heals`() async throws {
        let place = try Place()
        try await place.fill(2)
        let head = try Data(contentsOf: URL(fileURLWithPath: place.head))
        let log = try place.open(limits: .init(segment: 100))
        for index in 0..<3 { try await log.append([.sample("more.\(index)")]) }
        await log.close()
        try head.write(to: URL(fileURLWithPath: place.head))
        try await place.fill(1)
        #expect(try place.verdict().count == 6)
        #expect(try place.records().allSatisfy { $0["event"] != "audit.gap" })
    }

    @Test func `records cut while nobody writes stay missed for ever`() async throws {
        let place = try Place()
        try await place.fill(5)
        try place.replace(Array(try place.lines().prefix(3)))
        try await place.fill(4)
        let defect = try #require(try place.verdict().defect)
        #expect(defect.reason == .misplaced && defect.line == 4 && defect.sequence == 6)
        let gap = try place.records()[3]
        #expect(gap["reason"] == "log_altered" && gap["expected_count"]?.int == 5 && gap["found_count"]?.int == 3)
    }

    @Test func `records cut under a running log stay missed for ever`() async throws {
        let place = try Place()
        let log = try place.open()
        for index in 0..<4 { try await log.append([.sample("a.\(index)")]) }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: place.segment()))
        let size = try place.lines().prefix(2).map { $0.utf8.count + 1 }.reduce(0, +)
        try handle.truncate(atOffset: UInt64(size))
        try await log.append([.sample("b")])
        await log.close()
        let defect = try #require(try place.verdict().defect)
        #expect(defect.reason == .misplaced && defect.line == 3 && defect.sequence == 5)
    }

    @Test func `a folder removed under a running log is begun again, with the loss visible`() async throws {
        let place = try Place()
        let log = try place.open()
        try await log.append([.sample("a")])
        try FileManager.default.removeItem(atPath: place.segment())
        try await log.append([.sample("b")])
        await log.close()
        let defect = try #require(try place.verdict().defect)
        #expect(defect.reason == .misplaced && defect.sequence == 2)
    }

    @Test func `a chain written anew behind the writer's back is not carried on`() async throws {
        let (place, other) = (try Place(), try Place())
        try await place.fill(3)
        let log = try other.open()
        for index in 0..<6 { try await log.append([.sample("forged.\(index)")]) }
        await log.close()
        try place.replace(try other.lines())
        try await place.fill(1)
        #expect(try place.verdict().defect != nil)
    }

    @Test func `a head set back or removed while running is put right`() async throws {
        let place = try Place()
        let log = try place.open()
        try await log.append([.sample("a")])
        let old = try Data(contentsOf: URL(fileURLWithPath: place.head))
        try await log.append([.sample("b")])
        try old.write(to: URL(fileURLWithPath: place.head))
        try await log.append([.sample("c")])
        try FileManager.default.removeItem(atPath: place.head)
        try await log.append([.sample("d")])
        await log.close()
        #expect(try place.verdict().count == 4)
    }

    @Test func `a head lost while nobody writes is told`() async throws {
        let place = try Place()
        try await place.fill(2)
        try FileManager.default.removeItem(atPath: place.head)
        try await place.fill(1)
        #expect(try place.verdict().count == 4)
        #expect(try place.records()[2]["reason"] == "head_missing")
    }

    @Test func `a damaged end without a head is an error, not a guess`() async throws {
        let place = try Place()
        try await place.fill(1)
        try FileManager.default.removeItem(atPath: place.head)
        try place.append("garbage\n")
        #expect(throws: AuditError(.cannotRead)) { try place.open() }
    }
}
