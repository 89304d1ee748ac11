internal import OAuth

/// The writer's connection while a job has it: everything one job does stands or falls together.
struct Transaction: ~Copyable {
    private let connection: Connection
    private let notes = Notes()

    /// What the writer must do once the commit stands.
    struct Aftermath {
        /// The epoch to announce.
        var epoch: UInt64?
        /// What was deleted must leave the write-ahead log too.
        var isErasing = false

        mutating func add(_ other: Aftermath) {
            epoch = other.epoch ?? epoch
            isErasing = isErasing || other.isErasing
        }
    }

    /// Filled by the job that runs, emptied by the writer after each job: what an undone job noted is dropped with it.
    private final class Notes {
        var aftermath = Aftermath()
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
        notes.aftermath.epoch = try first("UPDATE revocation_epoch SET value = value + 1 WHERE id = 1 RETURNING value") { row in
            UInt64(row.integer(0))
        }
    }

    var isOpen: Bool { connection.isInTransaction }

    func takeAftermath() -> Aftermath {
        defer { notes.aftermath = Aftermath() }
        return notes.aftermath
    }

    /// For destroyed keys: `secure_delete` zeroes them in the file, this removes the copies in the log (VLT-3).
    func eraseLog() { notes.aftermath.isErasing = true }
}
