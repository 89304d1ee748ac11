internal import Crypto
internal import Primitives
internal import Synchronization

/// The gateway's side of the conversation with its signer.
final class SignerClient: Sendable {
    private struct State {
        var key: Ed25519PublicKey?
        var size = 0
        var isWaiting = false
    }

    private let channel: SignerChannel
    private let state = Mutex(State())
    /// A signer that signs takes a fraction of a millisecond, and one that reads its disk not much more.
    private static let patience = Duration.seconds(5)

    init(_ channel: SignerChannel) { self.channel = channel }

    var isReady: Bool { state.withLock { $0.key != nil } }
    /// It waits for another gateway's end.
    var isWaiting: Bool { state.withLock { $0.isWaiting } }
    /// Leaves of the signer's tree.
    var size: Int { state.withLock { $0.size } }

    /// Hears the signer say that it is ready, without waiting: it may have to wait for another's end.
    func becomesReady() throws(AuditError) -> Bool {
        while !isReady, channel.hasNews(within: .zero) { try hear() }
        return isReady
    }

    private func hear() throws(AuditError) {
        switch try channel.receive(atMost: .zero) {
        case .waiting: state.withLock { $0.isWaiting = true }
        case .ready(let pem, let size):
            guard let key = try? Ed25519PublicKey(pem: Array(pem.utf8)) else { throw Self.nonsense }
            state.withLock { $0 = State(key: key, size: size) }
        case .refusal(let text): throw AuditError(.noSigner, text)
        case nil: throw AuditError(.noSigner, "the signer has ended")
        default: throw Self.nonsense
        }
    }

    /// - Throws: when the signer has gone; between two questions it has nothing to say.
    func checkAlive() throws(AuditError) {
        if channel.hasNews(within: .zero) { throw AuditError(.noSigner, "the signer has ended") }
    }

    func extend(first: Int, _ hashes: [UInt8]) throws(AuditError) { try note(try ask(.extend(first: first, hashes: hashes))) }

    func adopt(_ checkpoint: Checkpoint) throws(AuditError) { try note(try ask(.adopt(checkpoint.json))) }

    /// Nil when the signer's tree has another size by now.
    func sign(_ size: Int, origin: String) throws(AuditError) -> Checkpoint? {
        let answer = try ask(.sign(size: size, origin: origin))
        guard case .checkpoint(let json) = answer else {
            try note(answer)
            return nil
        }
        guard let checkpoint = Checkpoint(json), checkpoint.size == size, checkpoint.keyID == state.withLock({ $0.key?.keyID })
        else {
            throw Self.nonsense
        }
        // The signature is for others to verify: here it would cost every 1,024th record as much as fifty.
        return checkpoint
    }

    private func note(_ answer: SignerMessage) throws(AuditError) {
        guard case .size(let size) = answer else {
            if case .refusal(let text) = answer { throw AuditError(.noSigner, text) }
            throw Self.nonsense
        }
        state.withLock { $0.size = size }
    }

    private func ask(_ question: SignerMessage) throws(AuditError) -> SignerMessage {
        try channel.send(question)
        guard let answer = try channel.receive(atMost: Self.patience) else {
            throw AuditError(.noSigner, "the signer has ended")
        }
        return answer
    }

    private static let nonsense = AuditError(.noSigner, "the signer talks nonsense")
}
