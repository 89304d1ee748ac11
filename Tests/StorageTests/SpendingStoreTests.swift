import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct SpendingStoreTests {
    @Test func `a cost is kept by user and day, replaced, and gone with its user or its day`() async throws {
        let f = try await Fixture()
        let store = SQLiteSpendingStore(f.database)
        let cost = SQLiteSpendingStore.Cost(task: "t", coreHours: 1.5, euros: 0.25)
        try await store.keep(SQLiteSpendingStore.Cost(task: "t", coreHours: 1, euros: 0), of: User.ada.id, day: .at(0))
        try await store.keep(cost, of: User.ada.id, day: .at(0))
        try await store.keep(cost, of: User.ada.id, day: .at(86_400))
        #expect(try await store.costs(of: User.ada.id, day: .at(0)) == [cost])
        #expect(try await store.costs(of: UserID("u-bob"), day: .at(0)) == [])
        try await store.prune(before: .at(86_400))
        #expect(try await store.costs(of: User.ada.id, day: .at(0)) == [])
        #expect(try await store.costs(of: User.ada.id, day: .at(86_400)) == [cost])
        try await f.users.remove(User.ada.id)
        #expect(try await store.costs(of: User.ada.id, day: .at(86_400)) == [])
    }
}
