import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct AuditLogTests {
    @Test func `what was appended verifies and reads back in order`() async throws {
        let place = try Place()
        try await place.fill(5)
        #expect(try place.verdict().count == 5)
        #expect(try place.records().map { $0["event"]?.string } == (0..<5).map { "test.\($0)" })
        #expect(try place.records().map { $0["seq"]?.int } == [1, 2, 3, 4, 5])
    }

    @Test func `a strict append returns when the record can be read`() async throws {
        let place = try Place()
        let log = try place.open()
        try await log.append([.sample("a"), .sample("b")])
        #expect(try place.lines().count == 2)
        await log.close()
    }

    @Test func `a batched append reaches the disk by itself`() async throws {
        let place = try Place()
        let log = try place.open(.batched, limits: .init(gathering: .milliseconds(5)))
        try await log.append([.sample("a")])
        try await log.append([.sample("b")], isCritical: true)  // returns only when the batch with both is written
        #expect(try place.lines().count == 2)
        await log.close()
    }

    @Test(arguments: [AuditLog.Durability.strict, .batched])
    func `a thousand concurrent appends are all there, once`(_ durability: AuditLog.Durability) async throws {
        let place = try Place()
        let log = try place.open(durability)
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<1000 {
                group.addTask {
                    await #expect(throws: Never.self) {
                        try await log.append([.sample("test.\(index)"), .sample("more.\(index)")])
                    }
                }
            }
        }
        await log.close()
        #expect(try place.verdict().count == 2000)
        let names = try place.records().compactMap { $0["event"]?.string }
        #expect(Set(names).count == 2000)
        for (first, second) in zip(names, names.dropFirst()) where first.hasPrefix("test.") {
            #expect(second == "more." + first.dropFirst(5))  // records of one call stay together
        }
    }

    @Test func `callers that wait together share one sync`() async throws {
        let (place, fake) = (try Place(), FakeDisk())
        let log = try place.open(disk: fake.disk)
        fake.hang()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await #expect(throws: Never.self) { try await log.append([.sample("first")]) } }
            while fake.arrivalCount == 0 { await Task.yield() }
            for _ in 0..<100 { group.addTask { await #expect(throws: Never.self) { try await log.append([.sample("a")]) } } }
            group.addTask {
                while log.queuedCount < 100 { await Task.yield() }
                fake.resume()
            }
        }
        await log.close()
        #expect(fake.syncCount == 2)
        #expect(try place.verdict().count == 101)
    }

    @Test(arguments: [AuditLog.Durability.strict, .batched])
    func `closing writes what is queued, and refuses what comes later`(_ durability: AuditLog.Durability) async throws {
        let place = try Place()
        let log = try place.open(durability, limits: .init(gathering: .seconds(60)))
        for _ in 0..<10 { if durability == .batched { try await log.append([.sample("a")]) } }
        await log.close()
        await log.close()
        #expect(try place.verdict().count == (durability == .batched ? 10 : 0))
        await #expect(throws: AuditError(.closed)) { try await log.append([.sample("b")]) }
    }

    @Test func `a log let go of still writes what is queued`() async throws {
        let place = try Place()
        do {
            let log = try place.open(.batched, limits: .init(gathering: .seconds(60)))
            try await log.append([.sample("a")])
        }
        while (try? place.lines().count) != 1 { await Task.yield() }
        #expect(try place.lines().count == 1)
    }

    // Full queues

    @Test func `batched drops what a full queue cannot hold, and says how much`() async throws {
        let (place, fake) = (try Place(), FakeDisk())
        let log = try place.open(.batched, limits: .init(queue: 3, gathering: .milliseconds(1)), disk: fake.disk)
        fake.hang()
        try await log.append([.sample("first")])
        while fake.arrivalCount == 0 { await Task.yield() }
        for _ in 0..<5 { try await log.append([.sample("a")]) }
        #expect(log.droppedCount == 2)
        fake.resume()
        await log.close()
        #expect(try place.verdict().count == 5)
        let gap = try #require(try place.records().first { $0["event"] == "audit.gap" })
        #expect(gap["dropped"]?.int == 2 && gap["reason"]?.string == "queue_full")
    }

    @Test func `strict refuses after its patience when the disk hangs, at once when twice the queue waits`() async throws {
        let (place, fake) = (try Place(), FakeDisk())
        let log = try place.open(limits: .init(queue: 2, patience: .milliseconds(30)), disk: fake.disk)
        fake.hang()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    await #expect(throws: AuditError(.overloaded)) { try await log.append([.sample("a")]) }
                }
            }
        }
        fake.resume()
        await log.close()
        let count = try #require(try place.verdict().count)
        #expect((1...4).contains(count))  // what was just being written; the rest was given up
    }

    // Disks that fail

    @Test(arguments: [FakeDisk.Mood.full, .fills(after: 100), .syncFails])
    func `a batch that cannot be written leaves nothing, and the next one may go`(_ mood: FakeDisk.Mood) async throws {
        let (place, fake) = (try Place(), FakeDisk())
        let log = try place.open(disk: fake.disk)
        try await log.append([.sample("a")])
        fake.set(mood)
        await #expect(throws: AuditError(.cannotWrite)) { try await log.append([.sample("lost"), .sample("lost")]) }
        #expect(try place.verdict().count == 1)
        fake.set(.fine)
        try await log.append([.sample("b")])
        await log.close()
        #expect(try place.verdict().count == 2)
        #expect(try place.records().map { $0["event"]?.string } == ["a", "b"])
    }

    @Test func `batched keeps its records while the disk is full`() async throws {
        let (place, fake) = (try Place(), FakeDisk())
        let log = try place.open(.batched, limits: .init(gathering: .milliseconds(1)), disk: fake.disk)
        fake.set(.full)
        try await log.append([.sample("a")])
        await #expect(throws: AuditError(.cannotWrite)) { try await log.append([.sample("b")], isCritical: true) }
        fake.set(.fine)
        await log.close()
        #expect(try place.records().map { $0["event"]?.string } == ["a"])
    }

    // Files

    @Test func `only the owner may read`() async throws {
        let place = try Place()
        try await place.fill(1)
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(place.folder) == 0o700)
        for path in [place.segment(), place.folder + "/.lock", place.head] { #expect(try mode(path) == 0o600) }
    }

    @Test func `a place that cannot be is an error`() throws {
        #expect(throws: AuditError(.cannotWrite)) {
            try AuditLog(folder: "/nowhere/audit", headFile: "/nowhere/head", durability: .strict, node: "n")
        }
    }
}
