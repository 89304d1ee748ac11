import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct SearchIndexTests {
    /// 600 records in files of about 64 KiB, five users in runs, one rare request.
    private func make() async throws -> Place {
        let place = try Place()
        let log = try place.open(limits: .init(segment: 64 << 10))
        for index in 0..<600 {
            let event = Event(
                index % 7 == 0 ? "auth.login" : "token.issued", index % 11 == 0 ? .denied : .success, subject: "user\(index / 120)",
                details: index == 333 ? [("flow", "f-333")] : [])
            let context = AuditContext(requestID: RequestID("req-\(index)"), userAgent: String(repeating: "x", count: 200))
            try await log.append([AuditRecord(event, in: context, at: Timestamp(seconds: 1_795_258_800 + Int64(index)))])
        }
        await log.close()
        return place
    }

    private static var filters: [AuditFilter] {
        var flow = AuditFilter()
        flow.flow = "f-333"
        return [
            AuditFilter(user: "user2"), AuditFilter(user: "nobody"), AuditFilter(event: "auth.login"), AuditFilter(event: "auth.*"),
            AuditFilter(outcome: "denied"), AuditFilter(requestID: "req-599"), AuditFilter(user: "user0", event: "auth.login"),
            flow,
            AuditFilter(since: Timestamp(seconds: 1_795_259_000), until: Timestamp(seconds: 1_795_259_060)),
            AuditFilter(user: "user4", outcome: "denied", since: Timestamp(seconds: 1_795_259_350)), AuditFilter(),
        ]
    }

    private func found(_ place: Place, _ filter: AuditFilter) throws -> [Int] {
        var out: [Int] = []
        try AuditReader(folder: place.folder).search(filter) { entry in
            out.append(entry.record["seq"]?.int ?? 0)
            return true
        }
        return out
    }

    private func expected(_ place: Place, _ filter: AuditFilter) throws -> [Int] {
        try AuditReader(folder: place.folder).tail(.max).filter {
            try filter.matches(JSONDocument(parsing: $0.line).root)
        }.map { $0.record["seq"]?.int ?? 0 }
    }

    private func index(_ segment: Int, _ place: Place) -> URL {
        URL(fileURLWithPath: SegmentIndex.path(of: segment, in: SegmentFolder(path: place.folder)))
    }

    @Test func `a search finds with the index what it finds without, and makes it when it is missing`() async throws {
        let place = try await make()
        for filter in Self.filters {
            let (first, again, expected) = (try found(place, filter), try found(place, filter), try expected(place, filter))
            #expect(first == again && first == expected)
        }
        #expect(FileManager.default.fileExists(atPath: index(1, place).path))
        try FileManager.default.removeItem(at: index(1, place))
        #expect(try found(place, Self.filters[0]).count == 120)
        #expect(try place.verdict().count == 600)
    }

    @Test func `the index leaves out what cannot match`() async throws {
        let place = try await make()
        _ = try found(place, Self.filters[0])
        let index = try #require(SegmentIndex(1, in: SegmentFolder(path: place.folder)))
        #expect(index.covered > 32 << 10)
        #expect(index.candidates(SearchTerms.of(AuditFilter(user: "nobody")), since: nil, until: nil).isEmpty)
        #expect(index.candidates([], since: Timestamp(seconds: 1_895_258_800), until: nil).isEmpty)
        #expect(index.candidates([], since: nil, until: nil) == [0..<index.covered])
    }

    @Test func `an index of another log, or a damaged one, loses nothing`() async throws {
        let place = try await make()
        let filter = AuditFilter(requestID: "req-20")
        _ = try found(place, filter)
        let whole = try Data(contentsOf: index(1, place))
        let lines = try place.lines(1)
        try place.replace(Array(lines.dropFirst(5)), 1)
        #expect(try found(place, filter) == [21])
        try place.replace(lines, 1)
        for place2 in [0, 9, 16, 17, 30, 63, 70, 72, 90, 120, whole.count - 1] {
            var bytes = whole
            bytes[place2] ^= 0x15
            try bytes.write(to: index(1, place))
            #expect(try found(place, filter) == [21])
        }
        try whole.prefix(40).write(to: index(1, place))
        #expect(try found(place, filter) == [21])
    }

    @Test func `what was written since is found, and the index goes on from where it was`() async throws {
        let place = try await make()
        _ = try found(place, AuditFilter(user: "late"))
        let log = try place.open(limits: .init(segment: 64 << 10))
        for _ in 0..<90 { try await log.append([.sample("auth.login", subject: "late")]) }
        await log.close()
        #expect(try found(place, AuditFilter(user: "late")).count == 90)
        #expect(try found(place, AuditFilter(user: "late")).count == 90)
    }
}
