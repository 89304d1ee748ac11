import Synchronization

/// Whether new work should come here: what load balancers ask at `/ready`.
final class Readiness: Sendable {
    private let draining = Atomic<Bool>(false)

    /// True once the server was told to stop.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func beginDraining() { draining.store(true, ordering: .relaxed) }
}
