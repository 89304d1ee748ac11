internal import Glibc
package import OAuth
internal import Primitives

/// The SQLite file: one thread that writes in group commits, a few that read, each with its own connection. Any number of
/// processes may have the same file open.
package final class Database: Sendable {
    package let path: String
    /// Grows whenever a credential stopped being good. Complete only while an `EpochWatcher` runs.
    package let epoch = RevocationEpoch()
    private let tally = WriteTally()
    private let writes: JobQueue<WriteJob>
    private let reads: JobQueue<ReadJob>

    /// Opens the file, creating it readable by its owner alone, and brings its schema up to date.
    /// - Parameters:
    ///   - readers: how many threads read at once.
    ///   - queueLimit: calls waiting, of reads and of writes each; beyond it calls throw `.unavailable` at once.
    ///   - migrates: false leaves the schema as it is, for looking into a file of an earlier version.
    /// - Throws: `.incompatible` when the file is not ours or of a newer version, `.cannotWrite`.
    package init(path: String, readers: Int = 2, queueLimit: Int = 4096, migrates: Bool = true) throws(StoreError) {
        try Self.createFile(path)
        let connection = try Connection.open(path, .readWrite)
        if migrates { try Migrator.standard.run(on: connection, at: .now()) }
        let value = try connection.first("SELECT value FROM revocation_epoch WHERE id = 1") { row in row.integer(0) }
        guard let value else { throw StoreError(.incompatible, "\(path): the revocation epoch is missing") }
        self.path = path
        writes = JobQueue(limit: queueLimit, threads: 1)
        reads = JobQueue(limit: queueLimit, threads: max(1, readers))
        epoch.advance(to: UInt64(value))
        let writer = Writer(path: path, queue: writes, epoch: epoch, tally: tally)
        startThread { writer.work() }
        let reader = Reader(path: path, queue: reads)
        for _ in 0..<max(1, readers) { startThread { reader.work() } }
    }

    /// Whether opening the file would leave its schema as it is: another process may be using it.
    /// - Throws: when it cannot be read.
    package static func isCurrent(path: String) throws(StoreError) -> Bool {
        try Migrator.standard.isCurrent(try Connection.open(path, .readOnly))
    }

    deinit { stopAccepting() }

    /// Takes no more calls, and returns when all those before are answered and the file is closed.
    package func close() async {
        stopAccepting()
        await writes.closed()
        await reads.closed()
    }

    func stopAccepting() {
        writes.close()
        reads.close()
    }

    /// What the file's threads did and have before them, for whoever watches.
    package struct Statistics: Sendable {
        package let waitingReads: Int
        package let waitingWrites: Int
        package let commits: UInt64
        /// Jobs committed; many share one commit under load.
        package let writes: UInt64
        package let failures: UInt64
    }

    package var statistics: Statistics {
        Statistics(
            waitingReads: reads.count, waitingWrites: writes.count, commits: tally.commits, writes: tally.writes,
            failures: tally.failures)
    }

    /// How many writes are queued.
    var waitingWrites: Int { writes.count }

    /// Runs the body inside a transaction on the writer's thread and returns once it is on disk. When it throws, nothing it did
    /// remains. Cancelling the caller does not undo it.
    @discardableResult
    func write<T: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        try await withCheckedContinuation { continuation in
            writes.append(WriteJob(body) { continuation.resume(returning: $0) })
        }.get()
    }

    /// Runs the body on a reading thread. Each statement sees one consistent state; two may see different ones, so what
    /// belongs together is joined.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (borrowing Connection) throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        try await withCheckedContinuation { continuation in
            reads.append(ReadJob(body) { continuation.resume(returning: $0) })
        }.get()
    }

    /// Creates the file before SQLite would, with the mode it must have; SQLite gives its companions the same mode. An existing
    /// file is not opened here: closing a second descriptor would drop this process's locks on it.
    private static func createFile(_ path: String) throws(StoreError) {
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0 {
            Glibc.close(descriptor)
        } else {
            guard errno == EEXIST else { throw StoreError(.cannotWrite, "\(path): \(reason())") }
            guard unsafe chmod(path, 0o600) == 0 else { throw StoreError(.cannotWrite, "\(path): \(reason())") }
        }
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
