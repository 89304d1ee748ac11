internal import Crypto
package import Primitives

/// Keeps each user's upstream API keys under envelope encryption, and gives one back to the caller that builds the outbound
/// request (VLT-4). Values never enter errors or descriptions.
package struct CredentialVault: Sendable {
    /// Longer credentials are refused, in bytes.
    package static let maximumCredential = 8192

    private let root: RootKeyHolder
    let records: any VaultStore

    /// - Parameter replacements: read when the key in use no longer opens the vault: keys that may have taken its place (VLT-3).
    package init(
        rootKey: RootKey, store: any VaultStore, replacements: @escaping @Sendable () -> [RootKey] = { [] }
    ) {
        root = RootKeyHolder(rootKey, candidates: replacements)
        records = store
    }

    /// Names the root key in use.
    package var rootKeyID: String { root.envelope.rootKeyID }

    /// Call once at start. The first call on a new vault makes its service key.
    /// - Throws: `.wrongRootKey` when the vault was made with another.
    package func verifyRootKey() async throws(VaultError) { _ = try await serviceKey() }

    /// A key for one purpose (KEY-1) that stays the same when the root key is replaced: peppers, cookie and cursor MACs. Derived
    /// from the root key instead, every token would die with it.
    /// - Throws: as `verifyRootKey`.
    package func deriveKey(purpose: String) async throws(VaultError) -> Secret {
        HKDF.derive(from: try await serviceKey().key, info: "gatehouse/v1/" + purpose)
    }

    /// Keeps a user's credential for an engine, replacing the one before.
    /// - Throws: `.malformed` when empty or beyond `maximumCredential`, `.unknownUser`, `.wrongRootKey`, `.unavailable`, `.cannotWrite`.
    package func store(_ credential: Secret, user: UserID, engine: String, at now: Timestamp) async throws(VaultError) {
        guard (1...Self.maximumCredential).contains(credential.count) else {
            throw VaultError(.malformed, "a credential has 1 to \(Self.maximumCredential) bytes")
        }
        _ = try await userKey(of: user, at: now)
        let record = try await opening { envelope throws(VaultError) in
            guard let key = try await records.userKey(of: user) else { throw VaultError(.unknownUser, "the user is gone") }
            do throws(CryptoError) {
                return .success(try envelope.seal(credential, user: user, engine: engine, under: key, at: now))
            } catch { return .failure(error) }
        }
        try await records.put(record)
    }

    /// The user's credential; nil when there is none.
    /// - Throws: `.notAuthentic` when the record was altered or moved; the caller must not go on with any other key.
    package func key(user: UserID, engine: String) async throws(VaultError) -> Secret? {
        try await opening { envelope throws(VaultError) in
            guard let found = try await records.record(of: user, engine: engine) else { return .success(nil) }
            do throws(CryptoError) {
                return .success(try envelope.open(found.record, of: user, engine: engine, under: found.key))
            } catch { return .failure(error) }
        }
    }

    /// What may be shown of the user's credentials, by engine.
    package func status(user: UserID) async throws(VaultError) -> [VaultEntry] { try await records.entries(of: user) }

    /// Notes how the upstream judged the credential: refused (401, 403), or accepted (VLT-5).
    package func mark(user: UserID, engine: String, rejected: Bool, at now: Timestamp) async throws(VaultError) {
        try await records.mark(user, engine: engine, isRejected: rejected, at: now)
    }

    /// Removes the credential; false when there was none.
    package func remove(user: UserID, engine: String) async throws(VaultError) -> Bool {
        try await records.remove(user, engine: engine)
    }

    /// The first credential of a user makes the user's key. Of two at once the one stored first stands, and none is stored that
    /// was wrapped by a root key replaced meanwhile.
    private func userKey(of user: UserID, at now: Timestamp) async throws(VaultError) -> WrappedUserKey {
        for _ in 0..<3 {
            if let key = try await records.userKey(of: user) { return key }
            let service = try await serviceKey()
            let fresh: WrappedUserKey
            do throws(CryptoError) { fresh = try service.envelope.makeUserKey(for: user, at: now) } catch {
                throw Self.cipherFailure(error)
            }
            try await records.insertUserKey(fresh, under: service.wrapped)
        }
        guard let key = try await records.userKey(of: user) else { throw VaultError(.unknownUser, "the user is gone") }
        return key
    }

    /// Reads and opens, once more when the root key turns out to have been replaced in between (VLT-3). A wrong root key looks
    /// like an altered record: the service key tells which it is.
    func opening<T: Sendable>(
        _ body: (Envelope) async throws(VaultError) -> Result<T, CryptoError>
    ) async throws(VaultError) -> T {
        let first = root.envelope
        switch try await body(first) {
        case .success(let value): return value
        case .failure(let error) where error.code == .failed: throw Self.cipherFailure(error)
        case .failure: break
        }
        let present = try await serviceKey().envelope
        if present.rootKeyID != first.rootKeyID, case .success(let value) = try await body(present) { return value }
        throw VaultError(.notAuthentic, "a vault record was altered or moved: have its user enter the key again")
    }

    /// Being wrapped by the root key, it also tells which is the right one. Of two made at once the one stored first stands.
    func serviceKey() async throws(VaultError) -> (wrapped: [UInt8], key: Secret, envelope: Envelope) {
        if try await records.serviceKey() == nil {
            let fresh: [UInt8]
            do throws(CryptoError) { fresh = try root.envelope.makeServiceKey() } catch { throw Self.cipherFailure(error) }
            try await records.insertServiceKey(fresh)
        }
        guard let wrapped = try await records.serviceKey() else { throw VaultError(.internalError, "the service key is missing") }
        guard let envelope = root.envelope(opening: wrapped) else {
            throw VaultError(.wrongRootKey, "the vault was made with another root key: give the server that key file")
        }
        do throws(CryptoError) { return (wrapped, try envelope.unwrapServiceKey(wrapped), envelope) } catch {
            throw Self.cipherFailure(error)
        }
    }

    static func cipherFailure(_ error: CryptoError) -> VaultError {
        VaultError(.internalError, "the cipher failed: \(error.code.rawValue)")
    }
}
