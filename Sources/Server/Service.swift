internal import HTTP
internal import Logging
internal import Synchronization
internal import Transport

/// What all loops of one listener share: its certificates, its log and how many connections it has.
final class Service: Sendable {
    let tls: TLSContext?
    let logger: Logger
    private let open = Atomic<Int>(0)

    init(tls: TLSContext?, logger: Logger) {
        self.tls = tls
        self.logger = logger
    }

    /// Connections open now, on all loops.
    var openConnections: Int { open.load(ordering: .relaxed) }

    /// Takes a place for one connection. False when none is left.
    func admit(_ rules: ServingRules) -> Bool {
        if open.wrappingAdd(1, ordering: .relaxed).newValue <= rules.configuration.connections { return true }
        release()
        return false
    }

    func release() { open.wrappingSubtract(1, ordering: .relaxed) }
}
