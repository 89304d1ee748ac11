import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct AuditReaderTests {
    /// Ten records over several segments: event `kind.0`…`kind.9`, one a minute, users alice and bob in turn.
    static func place() async throws -> Place {
        let place = try Place()
        let log = try place.open(limits: .init(segment: 900))
        for index in 0..<10 {
            let event = Event(
                index < 5 ? "kind.a.\(index)" : "kind.b.\(index)", index == 7 ? .denied : .success,
                actor: index == 8 ? "root" : nil, subject: index % 2 == 0 ? "alice" : "bob")
            let time = Timestamp(seconds: 1_795_258_800 + Int64(index) * 60)
            try await log.append([AuditRecord(event, in: AuditContext(requestID: RequestID("r\(index)")), at: time)])
        }
        await log.close()
        return place
    }

    static func found(_ filter: AuditFilter, limit: Int = .max, in place: Place) throws -> [Int] {
        var out: [Int] = []
        try AuditReader(folder: place.folder).search(filter, limit: limit) { entry in
            out.append((entry.record["seq"]?.int ?? 0) - 1)
            return true
        }
        return out
    }

    @Test(arguments: [
        (AuditFilter(), Array(0..<10)), (AuditFilter(user: "bob"), [1, 3, 5, 7, 9]), (AuditFilter(user: "root"), [8]),
        (AuditFilter(event: "kind.b.7"), [7]), (AuditFilter(event: "kind.a.*"), [0, 1, 2, 3, 4]),
        (AuditFilter(outcome: "denied"), [7]),
        (AuditFilter(requestID: "r3"), [3]), (AuditFilter(user: "nobody"), []),
        (AuditFilter(since: Timestamp(rfc3339: "2026-11-21T11:08:00Z")), [8, 9]),
        (AuditFilter(until: Timestamp(rfc3339: "2026-11-21T11:02:00Z")), [0, 1]),
        (AuditFilter(user: "alice", event: "kind.a.*", since: Timestamp(rfc3339: "2026-11-21T11:01:00Z")), [2, 4]),
    ])
    func `a search finds what it asks for, oldest first`(_ filter: AuditFilter, _ expected: [Int]) async throws {
        #expect(try Self.found(filter, in: try await Self.place()) == expected)
    }

    @Test func `a search ends at its limit`() async throws {
        #expect(try Self.found(AuditFilter(user: "bob"), limit: 2, in: try await Self.place()) == [1, 3])
    }

    @Test func `a search of no log finds nothing`() throws {
        #expect(try Self.found(AuditFilter(), in: try Place()) == [])
    }

    @Test(arguments: [0, 1, 3, 9, 10, 1000]) func `the tail is the last records over segments`(_ count: Int) async throws {
        let place = try await Self.place()
        let seen = try AuditReader(folder: place.folder).tail(count).map { $0.record["seq"]?.int }
        #expect(seen == Array((1...10).suffix(count)))
    }

    @Test func `entries carry the line as stored`() async throws {
        let place = try await Self.place()
        let entry = try #require(try AuditReader(folder: place.folder).tail(1).first)
        #expect(try JSONValue(parsing: entry.line) == entry.record)
        #expect(String(decoding: entry.line, as: UTF8.self).hasSuffix("\"}"))
    }

    @Test func `following gives the tail and then what comes, over segments`() async throws {
        let place = try await Self.place()
        let log = try place.open(limits: .init(segment: 900))
        let seen = Monitor<[Int]>([])
        async let ended: Void = withCheckedContinuation { done in
            startThread {
                try? AuditReader(folder: place.folder).follow(
                    last: 2, every: .milliseconds(1), until: { seen.update { $0.count >= 8 } }
                ) { entry in seen.update { $0.append(entry.record["seq"]?.int ?? 0) } }
                done.resume()
            }
        }
        while seen.update({ $0.count }) < 2 { await Task.yield() }
        for _ in 0..<6 { try await log.append([.sample("new")]) }
        await log.close()
        await ended
        #expect(seen.update { $0 } == Array(9...16))
    }
}
