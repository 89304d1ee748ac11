internal import Glibc
package import OAuth
package import Primitives

/// A database file as maintenance sees it. Nothing here changes the schema unless asked to, so that a new version can look at,
/// copy and check what an older one left. Every call blocks; at the command line nothing else waits for the thread.
package struct DatabaseFile: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Which steps of the schema the file has seen.
    package struct Schema: Sendable, Hashable {
        package let applied: [Int]
        /// Steps of this version the file lacks, in order.
        package let missing: [Int]
        /// The file was written by a newer version.
        package let isNewer: Bool

        package var isCurrent: Bool { missing.isEmpty && !isNewer }
        package var version: Int { applied.last ?? 0 }
    }

    /// - Throws: `.incompatible` when the file is another program's or damaged, `.cannotWrite` when it cannot be opened.
    package func schema() throws(StoreError) -> Schema {
        let connection = try Connection.open(path, .readOnly)
        let migrator = Migrator.standard
        let applied = try migrator.applied(connection)
        return Schema(
            applied: applied, missing: try migrator.missing(connection),
            isNewer: applied.last ?? 0 > migrator.steps.last?.number ?? 0)
    }

    /// Brings the schema up to date; returns the steps taken.
    /// - Throws: `.incompatible` when the file is newer than this version or has a step that differs.
    package func migrate(at now: Timestamp) throws(StoreError) -> [Int] {
        let connection = try Connection.open(path, .readWrite)
        let missing = try Migrator.standard.missing(connection)
        try Migrator.standard.run(on: connection, at: now)
        return missing
    }

    /// Reads every page and every reference.
    /// - Returns: what is wrong, at most a hundred lines; empty when all is well.
    package func problems() throws(StoreError) -> [String] {
        let connection = try Connection.open(path, .readOnly)
        let pages = try connection.all("PRAGMA integrity_check(100)") { row in row.text(0) }
        let references = try connection.all("PRAGMA foreign_key_check") { row in
            "\(row.text(0)): a row refers to a missing row of \(row.text(2))"
        }
        return Array((pages.filter { $0 != "ok" } + references).prefix(100))
    }

    /// Writes a consistent copy while others read and write, readable by its owner alone: under a temporary name first, checked,
    /// on disk, then under its own. It holds digests and sealed records, never the root key (VLT-3).
    /// - Parameters:
    ///   - replacing: whether a file of that name may be replaced.
    ///   - progress: gets pages done and pages in all.
    /// - Throws: `.conflict` when the file exists, `.cannotWrite`; nothing is left behind then.
    package func backup(
        to copy: String, replacing: Bool = false, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(StoreError) {
        if !replacing, unsafe access(copy, F_OK) == 0 { throw StoreError(.conflict, "\(copy) exists") }
        let temporary = "\(copy).\(getpid()).tmp"
        try DiskFile.create(temporary)
        do throws(StoreError) {
            let source = try Connection.open(path, .readOnly)
            try source.copy(to: try Connection.open(temporary, .scratch), progress: progress)
            try Self.quickCheck(temporary)
            try DiskFile.sync(temporary)
            try DiskFile.move(temporary, to: copy, replacing: replacing)
        } catch {
            DiskFile.remove(temporary)
            throw error
        }
    }

    /// A page that was read wrong must not be found out on the day the copy is needed. Opened alone, the copy also leaves
    /// write-ahead mode: one file that can be read from any medium.
    private static func quickCheck(_ path: String) throws(StoreError) {
        let found = try Connection.openAlone(path).all("PRAGMA quick_check(1)") { row in row.text(0) }
        guard found == ["ok"] else { throw StoreError(.incompatible, "the copy is damaged: \(found.first ?? "")") }
    }
}
