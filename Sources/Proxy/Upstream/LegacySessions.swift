internal import Crypto
internal import Primitives
internal import Synchronization

/// What an `initialize` handshake with a legacy upstream brought.
struct LegacySession: Sendable {
    /// Nil for an upstream without sessions.
    let id: String?
    let version: String
    /// The result of `initialize`, as JSON.
    let result: [UInt8]
}

/// Sessions with a legacy upstream that we opened ourselves: one for a user, the key used and what the client can do, so that an
/// upstream never asks for what this client could not give, and a replaced key never continues the session of another.
final class LegacySessions: Sendable {
    static let capacity = 4096
    static let idleLifetime = Duration.seconds(1800)

    struct Owner: Sendable, Hashable {
        let user: UserID
        let key: [UInt8]
        let capabilities: [UInt8]

        init(_ caller: Principal, key: Secret?, capabilities: [UInt8]) {
            user = caller.userID
            self.key = key.map { key in key.expose { Array(SHA256.digest($0).prefix(16)) } } ?? []
            self.capabilities = capabilities
        }
    }

    private struct Entry {
        let session: LegacySession
        var usedAt: MonotonicTime
    }

    private let entries = Mutex<[Owner: Entry]>([:])

    func session(of owner: Owner) -> LegacySession? {
        entries.withLock { entries in
            let now = MonotonicTime.now()
            guard let entry = entries[owner], now - entry.usedAt < Self.idleLifetime else { return nil }
            entries[owner]?.usedAt = now
            return entry.session
        }
    }

    func keep(_ session: LegacySession, for owner: Owner) {
        entries.withLock { entries in
            let now = MonotonicTime.now()
            if entries.count >= Self.capacity { entries = entries.filter { now - $0.value.usedAt < Self.idleLifetime } }
            // Full of sessions in use: this one is simply opened again next time.
            guard entries.count < Self.capacity else { return }
            entries[owner] = Entry(session: session, usedAt: now)
        }
    }

    func forget(_ owner: Owner) { entries.withLock { $0[owner] = nil } }
}
