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
}
