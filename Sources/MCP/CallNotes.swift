package import Primitives
internal import Synchronization

/// What happened within a call that only reads, put on record together with its outcome: one wait for the disk instead of two. The
/// answer leaves after that record, so nothing a client learns is missing from the log (AUD-3, COM-11).
package final class CallNotes: Sendable {
    /// What happened, and when.
    package typealias Note = (event: Event, at: Timestamp)

    /// Nil once the outcome went on record.
    private let notes = Mutex<[Note]?>([])

    package init() {}

    /// False when the outcome is on record already; then whoever acts records the event itself, before acting.
    package func add(_ event: Event) -> Bool {
        notes.withLock { notes in
            guard notes != nil else { return false }
            notes?.append((event, .now()))
            return true
        }
    }

    /// What was noted, for the record of the outcome. Nothing can be added any more.
    package func close() -> [Note] {
        notes.withLock { notes in
            defer { notes = nil }
            return notes ?? []
        }
    }
}
