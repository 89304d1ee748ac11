internal import Primitives
internal import Synchronization

/// Remembers handles that must work only once, until they would have expired anyway. Bounded: when full, nothing more can be
/// spent, so that no handle is ever honoured twice.
final class SpentHandles: Sendable {
    static let capacity = 100_000

    private let spent = Mutex<[String: MonotonicTime]>([:])

    /// True the first time. - Parameter lifetime: of the handle.
    func spend(_ nonce: String, lifetime: Duration) -> Bool {
        let now = MonotonicTime.now()
        return spent.withLock { spent in
            if spent.count >= Self.capacity { spent = spent.filter { $0.value > now } }
            guard spent.count < Self.capacity, spent[nonce] == nil else { return false }
            spent[nonce] = now + lifetime
            return true
        }
    }
}
