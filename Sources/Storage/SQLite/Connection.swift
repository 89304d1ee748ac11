internal import CSQLite
internal import Glibc
internal import OAuth

/// One SQLite connection, for one thread at a time. SQL is a literal and values are bound, so no input ever becomes SQL.
@safe struct Connection: ~Copyable {
    enum Mode {
        case readWrite, readOnly
        /// For a copy in the making: no journal, and the caller syncs it when it is whole.
        case scratch
    }

    /// How long a write waits for another process's transaction before it is refused.
    static let busyMilliseconds: CInt = 5000

    private let handle: OpaquePointer  // closed exactly once
    private let cache = StatementCache()

    private init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    deinit {
        cache.finalizeAll()
        unsafe sqlite3_close_v2(handle)
    }

    /// Opens an existing file with everything durability and integrity need.
    /// - Throws: `.incompatible` when the file is no database, `.cannotWrite` when it cannot be opened.
    static func open(_ path: String, _ mode: Mode) throws(StoreError) -> Connection {
        var raw: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE
        let code = unsafe sqlite3_open_v2(path, &raw, flags, nil)
        guard let handle = unsafe raw else { throw StoreError(.unavailable, "out of memory") }
        let connection = unsafe Connection(handle)
        guard code == SQLITE_OK else { throw SQLiteFailure.storeError(code, "\(path): SQLite \(code)") }
        try connection.configure(mode)
        return connection
    }

    /// Opens an existing file that nobody else has open, out of write-ahead mode, and keeps everybody else out while it lives.
    /// - Throws: `.unavailable` when another process or connection has the file open, `.incompatible` when it is damaged.
    static func openAlone(_ path: String) throws(StoreError) -> Connection {
        var raw: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE
        let code = unsafe sqlite3_open_v2(path, &raw, flags, nil)
        guard let handle = unsafe raw else { throw StoreError(.unavailable, "out of memory") }
        let connection = unsafe Connection(handle)
        guard code == SQLITE_OK else { throw SQLiteFailure.storeError(code, "\(path): SQLite \(code)") }
        // Leaving write-ahead mode needs the file for oneself, folds the log in and removes it, so that it cannot be replayed
        // over whatever takes this file's place.
        try connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        let mode = try connection.first("PRAGMA journal_mode = DELETE") { row in row.text(0) }
        guard mode == "delete" else { throw StoreError(.unavailable, "\(path): another process has it open") }
        try connection.execute("BEGIN EXCLUSIVE")
        return connection
    }

    /// Copies every page as of now into another file, a megabyte or so at a time. Others write meanwhile and are not copied.
    /// - Parameter progress: gets pages done and pages in all.
    func copy(to target: borrowing Connection, progress: (Int, Int) -> Void) throws(StoreError) {
        // A read transaction held over all steps: without it every commit elsewhere would start the copy again.
        try run("BEGIN")
        defer { _ = try? run("COMMIT") }
        _ = try first("SELECT count(*) FROM sqlite_schema") { row in row.integer(0) }
        guard let backup = unsafe sqlite3_backup_init(target.handle, "main", handle, "main") else {
            throw unsafe SQLiteFailure.storeError(
                sqlite3_extended_errcode(target.handle), "SQLite: \(String(cString: sqlite3_errmsg(target.handle)))")
        }
        var code = SQLITE_OK
        while code == SQLITE_OK {
            code = unsafe sqlite3_backup_step(backup, 256)
            let total = unsafe Int(sqlite3_backup_pagecount(backup))
            let rest = unsafe Int(sqlite3_backup_remaining(backup))
            progress(total - rest, total)
        }
        let end = unsafe sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else {
            throw SQLiteFailure.storeError(code == SQLITE_DONE ? end : code, "the copy ended with SQLite \(code)")
        }
    }

    private func configure(_ mode: Mode) throws(StoreError) {
        unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds)
        guard mode != .scratch else { return try execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") }
        try useWriteAheadLog()
        try execute("PRAGMA synchronous = FULL")  // a commit that was answered survives a power cut
        try execute("PRAGMA foreign_keys = ON")
        try execute("PRAGMA secure_delete = ON")  // freed pages are zeroed: what is deleted does not linger in the file
        try execute("PRAGMA trusted_schema = OFF")
        // 16 MiB of log before it is folded in: the same hot pages are written back once instead of four times.
        try execute("PRAGMA wal_autocheckpoint = 4096")
        try execute("PRAGMA mmap_size = 268435456")
        if mode == .readOnly { try execute("PRAGMA query_only = ON") }
    }

    /// Changing the mode of a new file can be refused without waiting when two processes do it at once.
    private func useWriteAheadLog() throws(StoreError) {
        var attempts = 0
        while true {
            do throws(StoreError) {
                let mode = try first("PRAGMA journal_mode = WAL") { row in row.text(0) }
                guard mode == "wal" else { throw StoreError(.cannotWrite, "the file system does not allow a write-ahead log") }
                return
            } catch {
                attempts += 1
                guard error.code == .unavailable, attempts < 100 else { throw error }
                usleep(20_000)
            }
        }
    }

    /// Runs a statement to its end; returns how many rows it changed itself, without cascades.
    @discardableResult
    func run(_ sql: StaticString, _ values: [Value] = []) throws(StoreError) -> Int {
        let statement = try prepare(sql, values)
        while try statement.step() {}
        return unsafe Int(sqlite3_changes64(handle))
    }

    /// The first row, or nil when there is none.
    func first<T>(
        _ sql: StaticString, _ values: [Value] = [], _ read: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> T? {
        let statement = try prepare(sql, values)
        guard try statement.step() else { return nil }
        return try read(statement)
    }

    /// All rows.
    func all<T>(
        _ sql: StaticString, _ values: [Value] = [], _ read: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        let statement = try prepare(sql, values)
        var rows: [T] = []
        while try statement.step() { rows.append(try read(statement)) }
        return rows
    }

    private func prepare(_ sql: StaticString, _ values: [Value]) throws(StoreError) -> Statement {
        let statement = unsafe try Statement(sql, database: handle, cache: cache)
        try statement.bind(values)
        return statement
    }

    /// Runs a script of several statements without values: migrations and pragmas.
    func execute(_ script: StaticString) throws(StoreError) {
        let code = unsafe script.utf8Start.withMemoryRebound(to: CChar.self, capacity: script.utf8CodeUnitCount) { text in
            unsafe sqlite3_exec(handle, text, nil, nil, nil)
        }
        guard code == SQLITE_OK else {
            throw unsafe SQLiteFailure.storeError(code, "SQLite \(code): \(String(cString: sqlite3_errmsg(handle)))")
        }
    }

    /// False once SQLite itself has rolled a transaction back, as it does when the disk is full.
    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }
}
