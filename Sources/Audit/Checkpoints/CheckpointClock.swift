internal import Primitives

/// Tells when a checkpoint is due: told by the writing thread, waited for by the one that makes checkpoints.
final class CheckpointClock: Sendable {
    private struct State {
        var written = 0
        /// Nobody waits for a number of records until checkpoints are kept.
        var limit = Int.max
        var isStopping = false
    }

    private let state = Monitor(State())

    func begin(every records: Int) { state.update { $0.limit = records } }

    /// Wakes whoever waits only when enough has come together.
    func add(_ records: Int) {
        state.updateQuietly { state in
            let before = state.written
            state.written += records
            return ((), before < state.limit && state.written >= state.limit)
        }
    }

    func stop() { state.update { $0.isStopping = true } }

    var isStopping: Bool { state.update { $0.isStopping } }

    /// Waits until enough was written, or the time is over.
    /// - Returns: true when enough was written.
    func wait(atMost patience: Duration) -> Bool {
        state.wait(atMost: patience) { $0.written >= $0.limit || $0.isStopping ? $0.written >= $0.limit : nil } ?? false
    }

    /// Takes back a record that is no reason for a checkpoint: one of a checkpoint.
    func forgive() { state.update { $0.written -= 1 } }

    /// Counts anew, as a checkpoint begins.
    func restart() { state.update { $0.written = 0 } }
}
