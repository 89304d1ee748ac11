internal import Synchronization

/// The root key in use. A running server follows a rekey by another process: when the key in use stops opening the vault, those
/// that may have taken its place are asked for.
final class RootKeyHolder: Sendable {
    private let current: Mutex<Envelope>
    private let candidates: @Sendable () -> [RootKey]

    init(_ key: RootKey, candidates: @escaping @Sendable () -> [RootKey]) {
        current = Mutex(Envelope(key))
        self.candidates = candidates
    }

    var envelope: Envelope { current.withLock { $0 } }

    /// The envelope that opens the wrapped service key, which then is the one in use; nil when none does.
    func envelope(opening wrapped: [UInt8]) -> Envelope? {
        let present = envelope
        if present.opens(wrapped) { return present }
        guard let found = candidates().lazy.map(Envelope.init).first(where: { $0.opens(wrapped) }) else { return nil }
        current.withLock { $0 = found }
        return found
    }
}
