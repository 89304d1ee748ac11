internal import Crypto
package import Primitives
internal import Synchronization

/// A signing key as stored, its PEM sealed.
package struct StoredSigningKey: Sendable {
    package let keyID: String
    package let sealed: [UInt8]
    package let createdAt: Timestamp
    /// From then on it signs.
    package let activeFrom: Timestamp

    package init(keyID: String, sealed: [UInt8], createdAt: Timestamp, activeFrom: Timestamp) {
        self.keyID = keyID
        self.sealed = sealed
        self.createdAt = createdAt
        self.activeFrom = activeFrom
    }
}

/// Where a signing key stands. After `retiring` it is destroyed: nothing of it is left to name.
package enum SigningKeyState: String, Sendable {
    /// Published, so that verifiers know it before it signs.
    case next
    case active
    /// Published until the last token it signed has ended.
    case retiring
}

/// Persists signing keys.
package protocol SigningKeyStore: Sendable {
    /// Oldest first.
    func signingKeys() async throws(StoreError) -> [StoredSigningKey]
    /// Inserts unless one newer than `unlessNewerThan` exists; false when it does: another process was first.
    func insert(_ key: StoredSigningKey, unlessNewerThan limit: Timestamp) async throws(StoreError) -> Bool
    func remove(_ keyID: String) async throws(StoreError)
    /// In one transaction: the key is the only one, and no access token that was issued before stands. Bumps the epoch.
    func replaceAll(by key: StoredSigningKey) async throws(StoreError)
}

/// Our signing keys through their states (KEY-1): published first, signing once every verifier had time to see it, published
/// until its last token has expired.
package final class Keyring: Sendable {
    /// How long verifiers may keep a JWK set, in seconds (JWKS-1).
    package static let publishedMaxAge = 900
    static let lifetime = Duration.seconds(90 * 86_400)
    /// Twice the JWK set's age.
    static let publishedBeforeUse = Duration.seconds(2 * 900)
    /// The longest JWT lifetime, and room for skew.
    static let publishedAfterUse = Duration.seconds(15 * 60 + 60)

    private struct Entry: Sendable {
        let key: SigningKey
        let createdAt: Timestamp
        let activeFrom: Timestamp
    }

    private let store: any SigningKeyStore
    private let sealingKey: Secret
    private let entries = Mutex<[Entry]>([])

    /// - Parameter sealingKey: 32 bytes derived for this purpose alone.
    package init(store: any SigningKeyStore, sealingKey: Secret) {
        self.store = store
        self.sealingKey = sealingKey
    }

    /// Reads the stored keys; makes the first one, and the next when the newest has served its time. Called at start and from
    /// housekeeping.
    /// - Returns: the id of a key that was made, to be recorded.
    @discardableResult package func refresh(at now: Timestamp) async throws(StoreError) -> String? {
        var stored = try await store.signingKeys()
        var made: String?
        if stored.last.map({ now - $0.createdAt >= Self.lifetime }) ?? true {
            made = try await rotate(at: now, unlessNewerThan: stored.last?.createdAt ?? Timestamp(milliseconds: -1))
            stored = try await store.signingKeys()
        }
        // A key is retired once its successor signs and its last token has ended.
        while stored.count > 1, now - stored[1].activeFrom > Self.publishedAfterUse {
            try await store.remove(stored.removeFirst().keyID)
        }
        let opened = try stored.map { row throws(StoreError) in try open(row) }
        entries.withLock { $0 = opened }
        return made
    }

    /// Makes the next key. It signs as soon as every verifier can know it, or at once.
    /// - Returns: its id; nil when a newer one than `unlessNewerThan` was there.
    @discardableResult package func rotate(
        at now: Timestamp, unlessNewerThan limit: Timestamp, isImmediate: Bool = false
    ) async throws(StoreError) -> String? {
        let key = try make(at: now, activeFrom: isImmediate ? now : now + Self.publishedBeforeUse)
        return try await store.insert(key, unlessNewerThan: limit) ? key.keyID : nil
    }

    /// The emergency: every key is destroyed and what was issued under them ends; clients refresh and get tokens of the new key.
    /// - Returns: its id.
    package func replaceAll(at now: Timestamp) async throws(StoreError) -> String {
        let key = try make(at: now, activeFrom: now)
        try await store.replaceAll(by: key)
        return key.keyID
    }

    private func make(at now: Timestamp, activeFrom: Timestamp) throws(StoreError) -> StoredSigningKey {
        do throws(CryptoError) {
            let key = try SigningKey()
            let sealed = try key.pem().expose { bytes throws(CryptoError) in
                try AES256GCM.seal(bytes, key: sealingKey, authenticating: Array(key.keyID.utf8))
            }
            return StoredSigningKey(keyID: key.keyID, sealed: sealed, createdAt: now, activeFrom: activeFrom)
        } catch { throw StoreError(.internalError, "a signing key could not be made") }
    }

    /// Every key there is, oldest first, with its state.
    package func states(at now: Timestamp) -> [(keyID: String, state: SigningKeyState, createdAt: Timestamp, activeFrom: Timestamp)]
    {
        let active = active(at: now)?.keyID
        return entries.withLock { entries in
            let place = entries.firstIndex { $0.key.keyID == active } ?? 0
            return entries.enumerated().map { index, entry in
                let state: SigningKeyState = index == place ? .active : index < place ? .retiring : .next
                return (entry.key.keyID, state, entry.createdAt, entry.activeFrom)
            }
        }
    }

    private func open(_ row: StoredSigningKey) throws(StoreError) -> Entry {
        do throws(CryptoError) {
            let pem = Secret(try AES256GCM.open(row.sealed, key: sealingKey, authenticating: Array(row.keyID.utf8)))
            return Entry(key: try SigningKey(pem: pem), createdAt: row.createdAt, activeFrom: row.activeFrom)
        } catch { throw StoreError(.incompatible, "a signing key cannot be opened") }
    }

    /// The newest key that was published long enough; the oldest there is when none was.
    func active(at now: Timestamp) -> SigningKey? {
        entries.withLock { entries in
            (entries.last { now >= $0.activeFrom } ?? entries.first)?.key
        }
    }

    /// The key of that id, whatever its state.
    func key(_ keyID: String) -> JSONWebKey? {
        entries.withLock { $0.first { $0.key.keyID == keyID }?.key.publicKey }
    }

    /// The JWK set of `/jwks.json` (JWKS-1).
    package var document: JSONValue { ["keys": .array(entries.withLock { $0.map(\.key.jwk) })] }

    /// Signs a short-lived assertion of ours, such as the identity told to an upstream (HDR-4). Nil before the first `refresh`.
    package func sign(_ claims: JSONValue, type: String, at now: Timestamp) -> String? {
        active(at: now).flatMap { try? $0.sign(claims, type: type) }
    }
}
