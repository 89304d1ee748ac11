internal import HTTP
internal import Logging
internal import Primitives
internal import Synchronization
internal import Transport

/// What all loops of one listener share: its certificates, its log, and what its peers take up together.
final class Service: Sendable {
    /// What becomes of a new connection.
    enum Admission: Sendable, Equatable {
        case served
        /// Beyond a limit, but told so: 503.
        case excused
        case dropped
    }

    let tls: TLSContext?
    let logger: Logger
    /// Connections begin with a header of the PROXY protocol.
    let speaksProxy: Bool
    private let open = Atomic<Int>(0)
    private let excused = Atomic<Int>(0)
    private let buffered = Atomic<Int>(0)
    /// Connections of each address, as limits count them.
    private let byAddress = Mutex<[IPAddress: Int]>([:])

    /// Connections beyond the limits that are told so at one time; more are dropped without a word.
    private static let courtesy = 64

    init(tls: TLSContext?, logger: Logger, speaksProxy: Bool) {
        self.tls = tls
        self.logger = logger
        self.speaksProxy = speaksProxy
    }

    /// Connections open now, on all loops.
    var openConnections: Int { open.load(ordering: .relaxed) }

    /// True when the next connection is beyond the limit of all.
    func isFull(_ rules: ServingRules) -> Bool { openConnections >= rules.configuration.connections }

    /// Takes a place for one connection; unless it is dropped, `release` follows.
    func admit(_ peer: IPAddress, _ rules: ServingRules) -> Admission {
        let isCrowded = !count(peer, rules)
        let isBeyond = open.wrappingAdd(1, ordering: .relaxed).newValue > rules.configuration.connections
        guard isCrowded || isBeyond else { return .served }
        if excused.wrappingAdd(1, ordering: .relaxed).newValue <= Self.courtesy { return .excused }
        release(peer, .excused, rules)
        return .dropped
    }

    func release(_ peer: IPAddress, _ admission: Admission, _ rules: ServingRules) {
        open.wrappingSubtract(1, ordering: .relaxed)
        if admission == .excused { excused.wrappingSubtract(1, ordering: .relaxed) }
        byAddress.withLock { counts in
            let key = peer.limitKey
            guard let count = counts[key] else { return }
            counts[key] = count > 1 ? count - 1 : nil
        }
    }

    /// Counts a connection of that address, also beyond its limit: whoever is told so takes up a place too. False beyond it.
    private func count(_ peer: IPAddress, _ rules: ServingRules) -> Bool {
        if rules.configuration.trustedProxies.isTrusted(peer) { return true }
        return byAddress.withLock { counts in
            counts[peer.limitKey, default: 0] += 1
            return counts[peer.limitKey, default: 0] <= rules.configuration.connectionsPerAddress
        }
    }

    /// Notes that so many more bytes of bodies are held. False, and nothing noted, when that is too many.
    func hold(_ bytes: Int, _ rules: ServingRules) -> Bool {
        guard bytes > 0 else { return true }
        if buffered.wrappingAdd(bytes, ordering: .relaxed).newValue <= rules.configuration.bufferedBytes { return true }
        letGo(bytes)
        return false
    }

    func letGo(_ bytes: Int) { if bytes > 0 { buffered.wrappingSubtract(bytes, ordering: .relaxed) } }
}
