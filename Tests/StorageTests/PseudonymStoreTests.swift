import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct PseudonymStoreTests {
    @Test func `a name keeps its word until it is erased, then gets another (AUD-6)`() async throws {
        let f = try await Fixture()
        let store = SQLitePseudonymStore(f.database)
        #expect(try await store.word(for: "ada", orElse: "p-1", at: .at(0)) == "p-1")
        #expect(try await store.word(for: "ada", orElse: "p-2", at: .at(1)) == "p-1")
        #expect(try await store.word(for: "bob", orElse: "p-3", at: .at(1)) == "p-3")
        #expect(try await store.names() == ["p-1": "ada", "p-3": "bob"])
        let before = f.database.epoch.current
        #expect(try await store.erase("ada"))
        #expect(f.database.epoch.current == before + 1)
        #expect(try await !store.erase("ada"))
        #expect(try await store.word(for: "ada") == nil)
        #expect(try await store.word(for: "ada", orElse: "p-4", at: .at(2)) == "p-4")
        #expect(try await store.names() == ["p-4": "ada", "p-3": "bob"])
    }

    @Test func `two who need a word for one name at once get the same`() async throws {
        let f = try await Fixture()
        let store = SQLitePseudonymStore(f.database)
        let words = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<16 { group.addTask { try await store.word(for: "ada", orElse: "p-\(number)", at: .at(0)) } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(words.count == 1)
    }
}
