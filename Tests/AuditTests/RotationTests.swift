import Crypto
import Foundation
import Primitives
import Synchronization
import Testing

@testable import Audit

@Suite struct RotationTests {
    /// A clock a test turns.
    private final class Clock: Sendable {
        private let time = Mutex(Timestamp(seconds: 1_795_258_800))
        var now: Timestamp { time.withLock { $0 } }
        func advance(days: Int64) { time.withLock { $0 = $0 + .seconds(days * 86_400) } }
    }

    private func limits(_ clock: Clock, segment: Int = 1 << 20, daily: Bool = true) -> AuditLog.Limits {
        var limits = AuditLog.Limits(segment: segment)
        limits.isDaily = daily
        limits.clock = { clock.now }
        return limits
    }

    @Test func `each day begins a file, with a restart in between or not`() async throws {
        let (place, clock) = (try Place(), Clock())
        var log = try place.open(limits: limits(clock))
        try await log.append([.sample("a", at: clock.now)])
        try await log.append([.sample("b", at: clock.now)])
        clock.advance(days: 1)
        try await log.append([.sample("c", at: clock.now)])
        await log.close()
        log = try place.open(limits: limits(clock))
        try await log.append([.sample("d", at: clock.now)])
        await log.close()
        clock.advance(days: 1)
        log = try place.open(limits: limits(clock))
        try await log.append([.sample("e", at: clock.now)])
        await log.close()
        #expect(try [1, 2, 3].map { try place.lines($0).count } == [2, 2, 1])
        #expect(try place.verdict().count == 5)
    }

    /// Five days with checkpoints, one file each; then files older than two days go.
    private func pruned() async throws -> (Place, LocalSigner, Clock) {
        let (place, clock) = (try Place(), Clock())
        let signer = LocalSigner(place)
        for day in 0..<5 {
            let log = try place.open(limits: limits(clock))
            log.keepCheckpoints(signer.settings(records: 2, retention: day == 4 ? .seconds(2 * 86_400) : nil))
            for index in 0..<6 { try await log.append([.sample("day.\(day).\(index)", at: clock.now)]) }
            try await place.settle(after: 1)
            if day == 4 {
                for _ in 0..<2000 where FileManager.default.fileExists(atPath: place.segment(1)) {
                    try await Task.sleep(for: .milliseconds(5))
                }
                try await log.append([.sample("last", at: clock.now)])
            }
            await log.close()
            clock.advance(days: 1)
        }
        return (place, signer, clock)
    }

    @Test func `files past their retention go once they are signed, and the rest is verified from its first checkpoint`()
        async throws
    {
        let (place, signer, _) = try await pruned()
        let left = try SegmentFolder(path: place.folder).segments()
        #expect(left.first! > 1 && left.count >= 2)
        let record = try #require(try place.records().first { $0["event"] == "audit.pruned" })
        let first = try #require(try place.records().first?["seq"]?.int)
        #expect(record["through"]?.int == first - 1)
        let report = try place.report(try signer.publicKey)
        #expect(report.verdict.count != nil && report.coverage.size == report.verdict.count! - 1)
        #expect(try place.verdict().count == report.verdict.count)
        #expect(try AuditProver(folder: place.folder).proof(of: first + 9)?.verdict(try signer.publicKey) == .ok)
        // One file more than the record says is missing.
        try FileManager.default.removeItem(atPath: place.segment(left[0]))
        #expect(try place.report(try signer.publicKey).verdict.defect?.reason == .misplaced)
    }

    @Test func `what is left of a pruned log can be changed as little as before`() async throws {
        let (place, signer, _) = try await pruned()
        let key = try signer.publicKey
        let segment = try #require(try SegmentFolder(path: place.folder).segments().first)
        let lines = try place.lines(segment)
        for target in lines.indices {
            var changed = lines
            changed[target] = changed[target].replacingOccurrences(of: "\"ts\":\"20", with: "\"ts\":\"19")
            try place.replace(changed, segment)
            #expect(try place.report(key).verdict.defect?.line == target + 1)
        }
    }

    @Test func `without a checkpoint nothing goes`() async throws {
        let (place, clock) = (try Place(), Clock())
        for _ in 0..<4 {
            let log = try place.open(limits: limits(clock))
            try await log.append([.sample("a", at: clock.now)])
            await log.close()
            clock.advance(days: 1)
        }
        clock.advance(days: 100)
        let retention = Retention(folder: SegmentFolder(path: place.folder), period: .seconds(86_400))
        #expect(try retention.plan(at: clock.now, signed: 0) == nil)
        #expect(try retention.plan(at: clock.now, signed: 1) == Retention.Plan(segments: [1], through: 1))
        #expect(try retention.plan(at: clock.now, signed: 4) == Retention.Plan(segments: [1, 2], through: 2))
        #expect(try retention.plan(at: Timestamp(seconds: 0), signed: 4) == nil)
    }

    @Test func `a reader follows from file to file`() async throws {
        let (place, clock) = (try Place(), Clock())
        let log = try place.open(limits: limits(clock, segment: 600, daily: false))
        try await log.append([.sample("first")])
        let seen = Mutex<[String]>([])
        startThread {
            try? AuditReader(folder: place.folder).follow(
                last: 8, every: .milliseconds(5), until: { seen.withLock { $0.count } >= 8 }
            ) { entry in seen.withLock { $0.append(entry.record["event"]?.string ?? "") } }
        }
        for index in 0..<7 { try await log.append([.sample("test.\(index)")]) }
        for _ in 0..<2000 where seen.withLock({ $0.count }) < 8 { try await Task.sleep(for: .milliseconds(5)) }
        await log.close()
        #expect(seen.withLock { $0 } == ["first"] + (0..<7).map { "test.\($0)" })
        #expect(try SegmentFolder(path: place.folder).segments().count > 2)
    }
}
