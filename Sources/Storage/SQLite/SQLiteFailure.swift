internal import CSQLite
internal import OAuth

/// Translates SQLite's result codes into the error of the domain. SQLite's messages name tables and columns, never values.
enum SQLiteFailure {
    static func storeError(_ code: CInt, _ message: String) -> StoreError {
        StoreError(self.code(code), message)
    }

    private static func code(_ code: CInt) -> StoreError.Code {
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_INTERRUPT: .unavailable
        case SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM: .cannotWrite
        case SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_FORMAT: .incompatible
        case SQLITE_CONSTRAINT where isConflict(code): .conflict
        default: .internalError
        }
    }

    /// A name taken, or the row it belongs to gone meanwhile. The other constraints are our own bugs.
    private static func isConflict(_ code: CInt) -> Bool {
        let detail = code >> 8
        return detail == 8 || detail == 6 || detail == 3  // UNIQUE, PRIMARYKEY, FOREIGNKEY
    }
}
