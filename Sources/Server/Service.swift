internal import HTTP
internal import Logging
internal import Synchronization
internal import Transport

/// What all loops of one listener share: whom to ask, and under which limits.
final class Service: Sendable {
    let responder: any Responder
    let tls: TLSContext?
    let configuration: ServerConfiguration
    let deadlines: Deadlines
    let logger: Logger
    private let open = Atomic<Int>(0)

    init(responder: any Responder, tls: TLSContext?, configuration: ServerConfiguration, logger: Logger) {
        self.responder = responder
        self.tls = tls
        self.configuration = configuration
        deadlines = Deadlines(configuration)
        self.logger = logger
    }

    /// Connections open now, on all loops.
    var openConnections: Int { open.load(ordering: .relaxed) }

    /// Takes a place for one connection. False when none is left.
    func admit() -> Bool {
        if open.wrappingAdd(1, ordering: .relaxed).newValue <= configuration.connections { return true }
        release()
        return false
    }

    func release() { open.wrappingSubtract(1, ordering: .relaxed) }
}
