internal import OAuth

/// The writer's connection while a job has it: everything one job does stands or falls together.
struct Transaction: ~Copyable {
    private let connection: Connection
    private let bump = Bump()

    /// Set by the job that runs, taken by the writer once the job's savepoint is released.
    private final class Bump {
        var epoch: UInt64?
    }

    init(on connection: consuming Connection) { self.connection = connection }

    /// Runs a statement to its end; returns how many rows it changed itself, without cascades.
    @discardableResult
    func run(_ sql: StaticString, _ values: [Value] = []) throws(StoreError) -> Int { try connection.run(sql, values) }

    /// The first row, or nil when there is none.
    func first<T>(
        _ sql: StaticString, _ values: [Value] = [], _ read: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> T? {
        try connection.first(sql, values, read)
    }

    /// All rows.
    func all<T>(
        _ sql: StaticString, _ values: [Value] = [], _ read: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        try connection.all(sql, values, read)
    }

    /// Announces that a credential stopped being good: every process drops what it remembers of tokens (RS-13).
    func bumpEpoch() throws(StoreError) {
        bump.epoch = try first("UPDATE revocation_epoch SET value = value + 1 WHERE id = 1 RETURNING value") { row in
            UInt64(row.integer(0))
        }
    }

    var isOpen: Bool { connection.isInTransaction }

    func takeBump() -> UInt64? {
        defer { bump.epoch = nil }
        return bump.epoch
    }
}
