internal import CSQLite
internal import OAuth

/// Prepared statements of one connection between uses: preparing costs twice what a point read does. Keyed by the address of
/// the SQL literal, so its size is bounded by the number of literals in the source. One thread at a time, like its connection.
@safe final class StatementCache {
    private var idle: [UInt: OpaquePointer] = unsafe [:]

    func take(_ sql: StaticString, _ database: OpaquePointer) throws(StoreError) -> OpaquePointer {
        if let handle = unsafe idle.removeValue(forKey: UInt(bitPattern: sql.utf8Start)) { return unsafe handle }
        var raw: OpaquePointer?
        let code = unsafe sql.utf8Start.withMemoryRebound(to: CChar.self, capacity: sql.utf8CodeUnitCount) { text in
            unsafe sqlite3_prepare_v3(
                database, text, CInt(sql.utf8CodeUnitCount), CUnsignedInt(SQLITE_PREPARE_PERSISTENT), &raw, nil)
        }
        guard code == SQLITE_OK, let handle = unsafe raw else {
            throw unsafe SQLiteFailure.storeError(code, "SQLite \(code): \(String(cString: sqlite3_errmsg(database)))")
        }
        return unsafe handle
    }

    func giveBack(_ handle: OpaquePointer, _ key: UInt) {
        // The same literal lent twice at once, by a query inside a query: one copy is enough.
        if let other = unsafe idle.updateValue(handle, forKey: key) { unsafe sqlite3_finalize(other) }
    }

    /// Before the connection closes.
    func finalizeAll() {
        while let entry = unsafe idle.popFirst() { unsafe sqlite3_finalize(entry.value) }
    }
}
