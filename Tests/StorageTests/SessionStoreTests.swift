import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct SessionStoreTests {
    @Test func `a session is read back until its idle end`() async throws {
        let f = try await Fixture()
        try await f.insertSession()
        #expect(try await f.sessions.session(.of("session"), at: .at(99)) == .sample)
        #expect(try await f.sessions.session(.of("session"), at: .at(100)) == nil)
        #expect(try await f.sessions.session(.of("other"), at: .at(1)) == nil)
    }

    @Test func `use moves the idle end, never beyond the absolute end`() async throws {
        let f = try await Fixture()
        try await f.insertSession()
        try await f.sessions.extend(.of("session"), idleUntil: .at(500))
        #expect(try await f.sessions.session(.of("session"), at: .at(199))?.idleUntil == .at(200))
        #expect(try await f.sessions.session(.of("session"), at: .at(200)) == nil)
    }

    @Test func `a removed or pruned session is gone`() async throws {
        let f = try await Fixture()
        try await f.insertSession("a")
        try await f.insertSession("b")
        try await f.sessions.remove(.of("a"))
        #expect(try await f.sessions.session(.of("a"), at: .at(1)) == nil)
        try await f.sessions.prune(at: .at(99))
        #expect(try await f.sessions.session(.of("b"), at: .at(1)) != nil)
        try await f.sessions.prune(at: .at(100))
        #expect(try await f.sessions.session(.of("b"), at: .at(1)) == nil)
    }
}
