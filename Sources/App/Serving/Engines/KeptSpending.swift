import OAuth
import Policy
import Primitives
import Qarnot
import Storage

/// The engine's budgets on our database.
struct KeptSpending: SpendingStore {
    let store: SQLiteSpendingStore

    func costs(of user: UserID, since day: Timestamp) async throws -> [String: ComputeSpending] {
        let costs = try await store.costs(of: user, day: day)
        return Dictionary(
            costs.map { ($0.task, ComputeSpending(coreHours: $0.coreHours, euros: $0.euros)) }, uniquingKeysWith: { $1 })
    }

    func keep(_ spending: ComputeSpending, of task: String, for user: UserID, since day: Timestamp) async throws {
        let cost = SQLiteSpendingStore.Cost(task: task, coreHours: spending.coreHours, euros: spending.euros)
        try await store.keep(cost, of: user, day: day)
    }
}

extension Workspace {
    var spending: SQLiteSpendingStore { SQLiteSpendingStore(database) }
}
