import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct UserStoreTests {
    @Test func `a user is read back by name and by id`() async throws {
        let f = try await Fixture()
        #expect(try await f.users.user(named: "ada") == .ada)
        #expect(try await f.users.user(User.ada.id) == .ada)
        #expect(try await f.users.users() == [.ada])
        #expect(try await f.users.passwordHash(of: User.ada.id) == "$argon2id$x")
        #expect(try await f.users.user(named: "bob") == nil)
        #expect(try await f.users.passwordHash(of: UserID("u-bob")) == nil)
    }

    @Test func `a user without a password has no hash`() async throws {
        let f = try await Fixture()
        let bob = User(id: UserID("u-bob"), name: "bob", role: .viewer, isDisabled: false, createdAt: .at(1))
        try await f.users.insert(bob, passwordHash: nil)
        #expect(try await f.users.passwordHash(of: bob.id) == nil)
    }

    @Test func `a taken name is a conflict`() async throws {
        let f = try await Fixture()
        let error = await #expect(throws: StoreError.self) {
            try await f.users.insert(
                User(id: UserID("other"), name: "ada", role: .viewer, isDisabled: false, createdAt: .at(1)), passwordHash: nil)
        }
        #expect(error?.code == .conflict)
        #expect(error?.message.contains("ada") == false)
    }

    @Test func `disabling ends grants, tokens and sessions and bumps the epoch (RT-7)`() async throws {
        let f = try await Fixture()
        try await f.family()
        try await f.insertPersonalToken()
        try await f.insertSession()
        let before = f.database.epoch.current
        try await f.users.setDisabled(true, of: User.ada.id, at: .at(5))
        #expect(f.database.epoch.current == before + 1)
        try await f.users.setDisabled(false, of: User.ada.id, at: .at(6))
        #expect(try await f.tokens.facts(of: .of("access-g1"))?.isActive == false)
        #expect(try await f.tokens.facts(of: .of("personal"))?.isActive == false)
        #expect(try await f.grants.refreshToken(.of("refresh-g1"))?.isActive == false)
        #expect(try await f.sessions.session(.of("session"), at: .at(6)) == nil)
    }

    @Test func `a new password ends sessions and grants, a re-hash ends nothing (RT-7)`() async throws {
        let f = try await Fixture()
        try await f.family()
        try await f.insertPersonalToken()
        try await f.insertSession()
        let before = f.database.epoch.current
        try await f.users.setPasswordHash("again", of: User.ada.id, endingSessions: false, at: .at(5))
        #expect(f.database.epoch.current == before)
        #expect(try await f.sessions.session(.of("session"), at: .at(5)) != nil)
        try await f.users.setPasswordHash("new", of: User.ada.id, endingSessions: true, at: .at(6))
        #expect(f.database.epoch.current == before + 1)
        #expect(try await f.users.passwordHash(of: User.ada.id) == "new")
        #expect(try await f.sessions.session(.of("session"), at: .at(6)) == nil)
        #expect(try await f.tokens.facts(of: .of("access-g1"))?.isActive == false)
        #expect(try await f.tokens.facts(of: .of("personal"))?.isActive == true)
    }

    @Test func `a changed role is seen in the facts of tokens`() async throws {
        let f = try await Fixture()
        try await f.family()
        let before = f.database.epoch.current
        try await f.users.setRole(.viewer, of: User.ada.id)
        #expect(f.database.epoch.current == before + 1)
        #expect(try await f.tokens.facts(of: .of("access-g1"))?.user.role == .viewer)
    }

    @Test func `removing a user takes everything along`() async throws {
        let f = try await Fixture()
        try await f.family()
        try await f.insertPersonalToken()
        try await f.insertSession()
        let before = f.database.epoch.current
        try await f.users.remove(User.ada.id)
        #expect(f.database.epoch.current == before + 1)
        #expect(try await f.users.user(named: "ada") == nil)
        #expect(try await f.tokens.facts(of: .of("access-g1")) == nil)
        #expect(try await f.tokens.facts(of: .of("personal")) == nil)
        #expect(try await f.grants.refreshToken(.of("refresh-g1")) == nil)
        #expect(try await f.sessions.session(.of("session"), at: .at(1)) == nil)
    }
}

extension Fixture {
    func insertPersonalToken(_ name: String = "personal", expiresAt: Timestamp? = nil) async throws {
        try await tokens.insertPersonalToken(
            .of(name), name: "laptop", user: User.ada.id, scopes: ScopeSet(text: "qarnot:read"), issuedAt: .at(0),
            expiresAt: expiresAt)
    }

    func insertSession(_ name: String = "session") async throws {
        try await sessions.insert(.sample, under: .of(name))
    }
}

extension BrowserSession {
    static let sample = BrowserSession(
        userID: User.ada.id, authenticatedAt: .at(0), idleUntil: .at(100), endsAt: .at(200), address: "192.0.2.1", userAgent: "")
}
