package import OAuth
internal import Primitives

/// Learns of revocations other processes commit to the same file. A thread of its own asks SQLite five times a second whether
/// the file changed, and reads the epoch only then.
package final class EpochWatcher: Sendable {
    private static let interval = Duration.milliseconds(200)

    private let epoch: RevocationEpoch
    private let isStopped = Monitor(false)

    /// - Throws: what opening the file throws.
    package init(_ database: Database) throws(StoreError) {
        epoch = database.epoch
        let watch = Watch(path: database.path, epoch: epoch, isStopped: isStopped)
        try watch.poll()
        startThread { watch.work() }
    }

    deinit { stop() }

    /// The newest epoch known. Of this process's own changes it knows before they return, of others within the interval.
    package var current: UInt64 { epoch.current }

    /// Lets the thread end.
    package func stop() { isStopped.update(wakeAll: true) { $0 = true } }

    /// What the thread owns; it never keeps the watcher alive.
    private struct Watch: Sendable {
        let path: String
        let epoch: RevocationEpoch
        let isStopped: Monitor<Bool>

        func work() {
            while !isOver() {
                // A file that cannot be read now is tried again; what the callers remember of tokens ends by itself meanwhile.
                _ = try? watch()
            }
        }

        /// Watches on one connection until it fails or the watcher stops.
        private func watch() throws(StoreError) {
            let connection = try Connection.open(path, .readOnly)
            var seen = try version(connection)
            try readEpoch(connection)  // after the version, so that no change falls between
            while !isOver() {
                let newest = try version(connection)
                guard newest != seen else { continue }
                try readEpoch(connection)
                seen = newest
            }
        }

        func poll() throws(StoreError) { try readEpoch(try Connection.open(path, .readOnly)) }

        private func version(_ connection: borrowing Connection) throws(StoreError) -> Int64? {
            try connection.first("PRAGMA data_version") { row in row.integer(0) }
        }

        private func readEpoch(_ connection: borrowing Connection) throws(StoreError) {
            let value = try connection.first("SELECT value FROM revocation_epoch WHERE id = 1") { row in row.integer(0) }
            if let value { epoch.advance(to: UInt64(value)) }
        }

        /// Waits one interval; true when the watcher was stopped.
        private func isOver() -> Bool { isStopped.wait(atMost: EpochWatcher.interval) { $0 ? true : nil } ?? false }
    }
}
