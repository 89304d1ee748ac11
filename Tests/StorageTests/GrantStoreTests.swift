import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct GrantStoreTests {
    @Test func `a code is read back with its grant`() async throws {
        let f = try await Fixture()
        try await f.grants.insert(.sample("g"), code: NewCode(digest: .of("code"), challenge: "abc", expiresAt: .at(60)))
        let record = try #require(try await f.grants.code(.of("code")))
        #expect(
            record
                == CodeRecord(
                    grant: .sample("g"), challenge: "abc", expiresAt: .at(60), isConsumed: false, failedAttempts: 0, isActive: true)
        )
        #expect(try await f.grants.code(.of("other")) == nil)
    }

    @Test func `failed verifiers are counted (CODE-5)`() async throws {
        let f = try await Fixture()
        try await f.grants.insert(.sample("g"), code: NewCode(digest: .of("code"), challenge: "abc", expiresAt: .at(60)))
        for _ in 0..<3 { try await f.grants.recordFailedAttempt(on: .of("code")) }
        #expect(try await f.grants.code(.of("code"))?.failedAttempts == 3)
    }

    @Test func `of 64 concurrent redemptions exactly one succeeds (CODE-9)`() async throws {
        let f = try await Fixture()
        try await f.grants.insert(.sample("g"), code: NewCode(digest: .of("code"), challenge: "abc", expiresAt: .at(60)))
        let wins = try await concurrently(64) { index in
            try await f.grants.redeem(
                .of("code"), access: .sample("a\(index)", at: .at(1)), refresh: .sample("r\(index)", at: .at(1)), binding: false,
                at: .at(1))
        }
        #expect(wins.filter { $0 }.count == 1)
        #expect(try await f.tokens.tokens(of: nil, at: .at(1)).count == 1)
        #expect(try await f.grants.code(.of("code"))?.isConsumed == true)
    }

    @Test func `a rotation makes the successor the family's token (RT-3)`() async throws {
        let f = try await Fixture()
        try await f.family()
        #expect(try await f.refresh("refresh-g1", to: "r2", at: .at(10)) == .rotated(generation: 2))
        let old = try #require(try await f.grants.refreshToken(.of("refresh-g1")))
        #expect(old.supersededAt == .at(10) && old.sealedSuccessor == Array("sealed r2".utf8) && !old.isSuccessorUsed)
        let new = try #require(try await f.grants.refreshToken(.of("r2")))
        #expect(new.generation == 2 && new.supersededAt == nil && new.isActive && new.grant == .sample("g1"))
        #expect(try await f.tokens.facts(of: .of("access-r2"))?.isActive == true)
        #expect(try await f.tokens.facts(of: .of("access-g1"))?.isActive == true)
    }

    @Test func `within the grace the same successor is answered (RT-4)`() async throws {
        let f = try await Fixture()
        try await f.family()
        _ = try await f.refresh("refresh-g1", to: "r2", at: .at(10))
        #expect(
            try await f.refresh("refresh-g1", to: "r3", at: .at(70))
                == .grace(sealedSuccessor: Array("sealed r2".utf8), generation: 2))
        #expect(try await f.grants.refreshToken(.of("r3")) == nil)
        #expect(try await f.tokens.facts(of: .of("access-r3"))?.isActive == true)
    }

    @Test func `of 64 concurrent refreshes one rotates and the others meet the grace (RT-2)`() async throws {
        let f = try await Fixture()
        try await f.family()
        let outcomes = try await concurrently(64) { index in try await f.refresh("refresh-g1", to: "n\(index)", at: .at(10)) }
        #expect(outcomes.filter { $0 == .rotated(generation: 2) }.count == 1)
        let successors = Set(
            outcomes.compactMap { outcome -> [UInt8]? in if case .grace(let sealed, 2) = outcome { sealed } else { nil } })
        #expect(successors.count == 1)
        #expect(outcomes.filter { if case .grace = $0 { true } else { false } }.count == 63)
    }

    @Test(arguments: [
        ("after the grace", Int64(71), false), ("once the successor was used", Int64(20), true),
    ])
    func `a superseded token is reuse, and ends the family and its access tokens (RT-5)`(
        _ why: String, _ second: Int64, _ usesSuccessor: Bool
    ) async throws {
        let f = try await Fixture()
        try await f.family()
        _ = try await f.refresh("refresh-g1", to: "r2", at: .at(10))
        if usesSuccessor { _ = try await f.refresh("r2", to: "r3", at: .at(15)) }
        let before = f.database.epoch.current
        #expect(try await f.refresh("refresh-g1", to: "x", at: .at(second)) == .reused(successorTo: nil))
        #expect(f.database.epoch.current == before + 1)
        for name in ["access-g1", "access-r2"] { #expect(try await f.tokens.facts(of: .of(name))?.isActive == false) }
        #expect(try await f.refresh("r2", to: "y", at: .at(second + 1)) == .invalid)
        #expect(try await f.refresh("refresh-g1", to: "z", at: .at(second + 1)) == .invalid)
        #expect(try await f.tokens.facts(of: .of("access-x")) == nil)
    }

    @Test func `using the successor wipes the sealed copy of its predecessor (RT-4)`() async throws {
        let f = try await Fixture()
        try await f.family()
        _ = try await f.refresh("refresh-g1", to: "r2", at: .at(10))
        _ = try await f.refresh("r2", to: "r3", at: .at(20))
        let first = try #require(try await f.grants.refreshToken(.of("refresh-g1")))
        #expect(first.sealedSuccessor == nil && first.isSuccessorUsed)
    }

    @Test(arguments: [30 * 86_400, 90 * 86_400] as [Int64])
    func `an expired refresh token is refused`(_ second: Int64) async throws {
        let f = try await Fixture()
        try await f.family()
        #expect(try await f.refresh("refresh-g1", to: "r2", at: .at(second)) == .invalid)
        #expect(try await f.grants.refreshToken(.of("r2")) == nil)
    }

    @Test func `an unknown refresh token is refused`() async throws {
        let f = try await Fixture()
        #expect(try await f.refresh("nothing", to: "r2", at: .at(1)) == .invalid)
    }

    @Test func `a grant is revoked once, with all its tokens`() async throws {
        let f = try await Fixture()
        let grant = try await f.family()
        let before = f.database.epoch.current
        #expect(try await f.grants.revoke(grant.id, at: .at(5)))
        #expect(f.database.epoch.current == before + 1)
        #expect(try await !f.grants.revoke(grant.id, at: .at(6)))
        #expect(f.database.epoch.current == before + 1)
        #expect(try await f.tokens.facts(of: .of("access-g1"))?.isActive == false)
        #expect(try await f.grants.refreshToken(.of("refresh-g1"))?.isActive == false)
        #expect(try await f.grants.code(.of("code-g1"))?.isActive == false)
    }

    @Test func `pruning wipes sealed successors past the grace and keeps what detects reuse (RT-6)`() async throws {
        let f = try await Fixture()
        try await f.family()
        _ = try await f.refresh("refresh-g1", to: "r2", at: .at(10))
        try await f.grants.prune(at: .at(69), grace: .seconds(60))
        #expect(try await f.grants.refreshToken(.of("refresh-g1"))?.sealedSuccessor != nil)
        try await f.grants.prune(at: .at(20 * 86_400), grace: .seconds(60))
        #expect(try await f.grants.refreshToken(.of("refresh-g1"))?.sealedSuccessor == nil)
        #expect(try await f.refresh("refresh-g1", to: "x", at: .at(20 * 86_400)) == .reused(successorTo: nil))
    }

    @Test func `pruning deletes grants that ended long ago, with everything under them`() async throws {
        let f = try await Fixture()
        try await f.family()
        try await f.grants.insert(.sample("abandoned"), code: NewCode(digest: .of("unused"), challenge: "c", expiresAt: .at(60)))
        try await f.grants.prune(at: .at(8 * 86_400), grace: .seconds(60))
        #expect(try await f.grants.code(.of("unused")) == nil)
        #expect(try await f.grants.code(.of("code-g1")) != nil)
        try await f.grants.prune(at: .at(98 * 86_400), grace: .seconds(60))
        #expect(try await f.grants.code(.of("code-g1")) == nil)
        #expect(try await f.grants.refreshToken(.of("refresh-g1")) == nil)
    }
}

/// Runs the body that many times at once.
func concurrently<T: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> T) async throws -> [T] {
    try await withThrowingTaskGroup(of: T.self) { group in
        for index in 0..<count { group.addTask { try await body(index) } }
        return try await group.reduce(into: []) { $0.append($1) }
    }
}
