internal import CSQLite
internal import OAuth
internal import Primitives

/// A prepared statement on loan from its connection's cache, positioned on a row while it steps. It goes back when the loan ends.
@safe struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private let key: UInt
    private let cache: StatementCache

    /// Only `Connection` lends statements, and never beyond one call, so that none outlives the connection.
    init(_ sql: StaticString, database: OpaquePointer, cache: StatementCache) throws(StoreError) {
        unsafe handle = try cache.take(sql, database)
        unsafe key = UInt(bitPattern: sql.utf8Start)
        self.cache = cache
    }

    deinit {
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)  // no secret stays behind in an idle statement
        unsafe cache.giveBack(handle, key)
    }

    /// Binds the placeholders `?1`, `?2`, … in this order.
    func bind(_ values: [Value]) throws(StoreError) {
        for (index, value) in values.enumerated() { try bind(value, at: CInt(index + 1)) }
    }

    /// True when there is a row.
    func step() throws(StoreError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw failure(code)
        }
    }

    private func bind(_ value: Value, at index: CInt) throws(StoreError) {
        let code: CInt
        switch value {
        case .null: code = unsafe sqlite3_bind_null(handle, index)
        case .integer(let value): code = unsafe sqlite3_bind_int64(handle, index, value)
        case .real(let value): code = unsafe sqlite3_bind_double(handle, index, value)
        case .text(var value):
            code = value.withUTF8 { bytes in
                // An empty buffer may have no address, which would bind null.
                guard !bytes.isEmpty else { return unsafe sqlite3_bind_text(handle, index, "", 0, gh_sqlite_transient()) }
                return unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                    unsafe sqlite3_bind_text(handle, index, text.baseAddress, CInt(text.count), gh_sqlite_transient())
                }
            }
        case .blob(let value):
            code =
                unsafe value.isEmpty
                ? sqlite3_bind_zeroblob(handle, index, 0)
                : sqlite3_bind_blob(handle, index, value, CInt(value.count), gh_sqlite_transient())
        }
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: CInt) -> StoreError {
        let database = unsafe sqlite3_db_handle(handle)
        return unsafe SQLiteFailure.storeError(
            sqlite3_extended_errcode(database), "SQLite \(code): \(String(cString: sqlite3_errmsg(database)))")
    }
}

/// Columns of the current row, by their place in the select list.
extension Statement {
    func isNull(_ column: CInt) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

    func integer(_ column: CInt) -> Int64 { unsafe sqlite3_column_int64(handle, column) }
    func count(_ column: CInt) -> Int { Int(integer(column)) }
    func real(_ column: CInt) -> Double { unsafe sqlite3_column_double(handle, column) }
    func flag(_ column: CInt) -> Bool { integer(column) != 0 }
    func time(_ column: CInt) -> Timestamp { Timestamp(milliseconds: integer(column)) }
    func optionalTime(_ column: CInt) -> Timestamp? { isNull(column) ? nil : time(column) }

    func text(_ column: CInt) -> String {
        guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
    func optionalText(_ column: CInt) -> String? { isNull(column) ? nil : text(column) }

    func blob(_ column: CInt) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
    func optionalBlob(_ column: CInt) -> [UInt8]? { isNull(column) ? nil : blob(column) }

    func digest(_ column: CInt) -> TokenDigest { TokenDigest(bytes: blob(column)) }
    func scopes(_ column: CInt) -> ScopeSet { ScopeSet(text: text(column)) }

    /// A word of a closed vocabulary.
    /// - Throws: `.incompatible` for a word this version does not know.
    func word<Word: RawRepresentable<String>>(_ column: CInt, of: Word.Type = Word.self) throws(StoreError) -> Word {
        guard let word = Word(rawValue: text(column)) else {
            throw StoreError(.incompatible, "a row holds a word this version does not know")
        }
        return word
    }
}
