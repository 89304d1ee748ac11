internal import Primitives
internal import Synchronization

/// What sessions of legacy clients subscribed to at a modern upstream, which knows subscriptions only as part of a stream. In
/// memory: after a restart a client reads again and subscribes again, as after any loss of its stream.
final class LegacySubscriptions: Sendable {
    static let sessionLimit = 4096
    /// Resources one session may watch.
    static let resourceLimit = 64
    /// How long subscriptions outlive their stream, for a client that opens it again.
    static let idleLifetime = Duration.seconds(1800)
    /// Bytes of one address.
    static let addressLimit = 2048

    private struct Entry {
        var addresses: Set<String> = []
        var isStreaming = false
        /// The least severe log message the session wants.
        var level: String?
        var usedAt = MonotonicTime.now()

        var isEmpty: Bool { addresses.isEmpty && !isStreaming && level == nil }
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// False when no more may be watched.
    func add(_ address: String, to session: String) -> Bool {
        guard address.utf8.count <= Self.addressLimit else { return false }
        return entries.withLock { entries in
            guard Self.hasRoom(&entries, for: session) else { return false }
            var entry = entries[session] ?? Entry()
            guard entry.addresses.contains(address) || entry.addresses.count < Self.resourceLimit else { return false }
            entry.addresses.insert(address)
            entry.usedAt = .now()
            entries[session] = entry
            return true
        }
    }

    func remove(_ address: String, from session: String) {
        change(session) { $0.addresses.remove(address) }
    }

    func addresses(of session: String) -> Set<String> { entries.withLock { $0[session]?.addresses ?? [] } }

    /// False when the session has its stream already, or too many have one: at most one for a session (mcp.md §4.4).
    func beginStream(_ session: String) -> Bool {
        entries.withLock { entries in
            guard entries[session]?.isStreaming != true, Self.hasRoom(&entries, for: session) else { return false }
            entries[session, default: Entry()].isStreaming = true
            return true
        }
    }

    /// The client went away; what it subscribed to waits for it a while.
    func endStream(_ session: String) { change(session) { $0.isStreaming = false } }

    /// False when too many sessions have something kept.
    func set(level: String, of session: String) -> Bool {
        entries.withLock { entries in
            guard Self.hasRoom(&entries, for: session) else { return false }
            entries[session, default: Entry()].level = level
            entries[session]?.usedAt = .now()
            return true
        }
    }

    func level(of session: String) -> String? { entries.withLock { $0[session]?.level } }

    func forget(_ session: String) { entries.withLock { $0[session] = nil } }

    private func change(_ session: String, _ body: (inout Entry) -> Void) {
        entries.withLock { entries in
            guard var entry = entries[session] else { return }
            body(&entry)
            entry.usedAt = .now()
            entries[session] = entry.isEmpty ? nil : entry
        }
    }

    private static func hasRoom(_ entries: inout [String: Entry], for session: String) -> Bool {
        guard entries[session] == nil, entries.count >= sessionLimit else { return true }
        let now = MonotonicTime.now()
        entries = entries.filter { $0.value.isStreaming || now - $0.value.usedAt < idleLifetime }
        return entries.count < sessionLimit
    }
}
