import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct TransactionStoreTests {
    private func login(_ id: String, browser: String = "b", at second: Int64 = 0) -> LoginTransaction {
        LoginTransaction(
            id: id, browser: .of(browser),
            request: AuthorizationRequest(
                clientID: Client.claude.id, redirectURI: "https://claude.ai/cb", challenge: "c",
                scopes: ScopeSet(text: "qarnot:read"), resource: "r", state: "s\u{0}é", prompt: [.login, .consent],
                loginHint: "ada",
                maxAge: 5),
            userID: nil, authenticatedAt: nil, createdAt: .at(second), expiresAt: .at(second + 600))
    }

    @Test func `a transaction is read back until it expires`() async throws {
        let f = try await Fixture()
        try await f.transactions.insert(login("t"), perBrowser: 5, total: 10)
        #expect(try await f.transactions.transaction("t", at: .at(599)) == login("t"))
        #expect(try await f.transactions.transaction("t", at: .at(600)) == nil)
    }

    @Test func `it remembers who signed in`() async throws {
        let f = try await Fixture()
        try await f.transactions.insert(login("t"), perBrowser: 5, total: 10)
        try await f.transactions.setUser(
            User.ada.id, by: AuthenticationMethods([.password, .code]), authenticatedAt: .at(3), of: "t")
        let stored = try await f.transactions.transaction("t", at: .at(4))
        #expect(stored?.userID == User.ada.id && stored?.authenticatedAt == .at(3))
    }

    @Test func `the oldest of a browser go first, then the oldest of all (AZ-14)`() async throws {
        let f = try await Fixture()
        for index in 0..<4 { try await f.transactions.insert(login("a\(index)", browser: "a"), perBrowser: 3, total: 100) }
        #expect(try await f.transactions.transaction("a0", at: .at(1)) == nil)
        #expect(try await f.transactions.transaction("a1", at: .at(1)) != nil)
        for index in 0..<4 { try await f.transactions.insert(login("b\(index)", browser: "b\(index)"), perBrowser: 3, total: 5) }
        #expect(try await f.transactions.transaction("a2", at: .at(1)) == nil)
        #expect(try await f.transactions.transaction("a3", at: .at(1)) != nil)
    }

    @Test func `expired transactions are deleted by the next insertion`() async throws {
        let f = try await Fixture()
        try await f.transactions.insert(login("old"), perBrowser: 5, total: 10)
        try await f.transactions.insert(login("new", at: 600), perBrowser: 5, total: 10)
        #expect(try await !f.transactions.consume("old"))
    }

    @Test func `of 64 concurrent endings exactly one is first`() async throws {
        let f = try await Fixture()
        try await f.transactions.insert(login("t"), perBrowser: 5, total: 10)
        let wins = try await concurrently(64) { _ in try await f.transactions.consume("t") }
        #expect(wins.filter { $0 }.count == 1)
        #expect(try await f.transactions.transaction("t", at: .at(1)) == nil)
    }
}
