internal import Synchronization

/// The revocation epoch as this process knows it. It grows whenever any credential stopped being good, here or elsewhere.
package final class RevocationEpoch: Sendable {
    private let value = Atomic<UInt64>(0)

    /// One relaxed-cost load; any thread, any time.
    package var current: UInt64 { value.load(ordering: .acquiring) }

    /// Never steps back: a poll that read before a commit of ours must not undo what the commit announced.
    func advance(to newer: UInt64) {
        _ = value.max(newer, ordering: .acquiringAndReleasing)
    }
}
