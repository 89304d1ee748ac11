import Crypto
import OAuth
import Primitives
import Storage
import Synchronization

/// Puts random words in place of people's names before they go into the audit log (AUD-6). Which word is whose is in the database
/// alone: erased there, the records stay, the chain stays whole, and nobody can tell any more whom they are about.
final class Pseudonyms: Sendable {
    private struct Known {
        var epoch: UInt64
        var words: [String: String] = [:]
    }

    /// A full table is emptied: reading a word again is cheap.
    private static let capacity = 65_536
    /// Who is nobody's name: commands and the server itself.
    private static let ours: Set<String> = ["cli", "system"]
    /// Stands for a name whose word was forgotten in this very moment.
    private static let unknown = "p-unknown"

    private let store: SQLitePseudonymStore
    private let epoch: @Sendable () -> UInt64
    private let known: Mutex<Known>

    /// - Parameter epoch: changes whenever a word may have been erased.
    init(store: SQLitePseudonymStore, epoch: @escaping @Sendable () -> UInt64) {
        self.store = store
        self.epoch = epoch
        known = Mutex(Known(epoch: epoch()))
    }

    /// Makes sure that the word for a name is at hand. False when the database cannot tell: then nothing may be recorded.
    func learn(_ name: String) async -> Bool {
        let current = epoch()
        let isKnown = known.withLock { known in
            if known.epoch != current { known = Known(epoch: current) }
            return known.words[name] != nil
        }
        if isKnown || Self.ours.contains(name) { return true }
        guard let word = try? await store.word(for: name, orElse: "p-" + Random.text(20), at: .now()) else { return false }
        known.withLock { known in
            if known.words.count >= Self.capacity { known.words.removeAll(keepingCapacity: true) }
            known.words[name] = word
        }
        return true
    }

    /// Disguises an event. False as for `learn`.
    func disguise(_ event: inout Event) async -> Bool {
        for name in [event.actor, event.subject ?? event.caller?.username] {
            if let name, await !learn(name) { return false }
        }
        apply(to: &event)
        return true
    }

    /// The same for names that were learnt before.
    func apply(to event: inout Event) {
        event.actor = event.actor.map(word)
        event.subject = (event.subject ?? event.caller?.username).map(word)
    }

    private func word(for name: String) -> String {
        Self.ours.contains(name) ? name : known.withLock { $0.words[name] } ?? Self.unknown
    }
}

extension Workspace {
    /// Nil unless the configuration asks for them.
    func pseudonyms(epoch: @escaping @Sendable () -> UInt64) -> Pseudonyms? {
        configuration.audit.hasPseudonyms ? Pseudonyms(store: SQLitePseudonymStore(database), epoch: epoch) : nil
    }
}
