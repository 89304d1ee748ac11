internal import Crypto
package import Primitives

/// Keeps each user's upstream API keys under envelope encryption, and gives one back to the caller that builds the outbound
/// request (VLT-4). Values never enter errors or descriptions.
package struct CredentialVault: Sendable {
    /// Longer credentials are refused, in bytes.
    package static let maximumCredential = 8192

    private let envelope: Envelope
    private let records: any VaultStore

    package init(rootKey: RootKey, store: any VaultStore) {
        envelope = Envelope(rootKey)
        records = store
    }

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
        let key = try await userKey(of: user, at: now)
        let record: VaultRecord
        do throws(CryptoError) { record = try envelope.seal(credential, user: user, engine: engine, under: key, at: now) } catch {
            throw try await failure(error)
        }
        try await records.put(record)
    }

    /// The user's credential; nil when there is none.
    /// - Throws: `.notAuthentic` when the record was altered or moved; the caller must not go on with any other key.
    package func key(user: UserID, engine: String) async throws(VaultError) -> Secret? {
        guard let found = try await records.record(of: user, engine: engine) else { return nil }
        do throws(CryptoError) { return try envelope.open(found.record, of: user, engine: engine, under: found.key) } catch {
            throw try await failure(error)
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

    /// Wraps every user's key under a new root key in one transaction; records stay as they are (VLT-3). Afterwards the caller
    /// replaces the key file, and running servers must be restarted with it.
    /// - Returns: how many user keys were wrapped anew, each verified.
    /// - Throws: `.unavailable` when a key was added meanwhile: nothing changed, try again.
    package func rekey(to newKey: RootKey) async throws(VaultError) -> Int {
        let service = try await serviceKey()
        let other = Envelope(newKey)
        var pairs: [(old: WrappedUserKey, new: WrappedUserKey)] = []
        for old in try await records.userKeys() {
            do throws(CryptoError) {
                let new = try envelope.rewrap(old, under: other)
                _ = try other.unwrap(new)
                pairs.append((old, new))
            } catch { throw try await failure(error) }
        }
        let wrapped: [UInt8]
        do throws(CryptoError) { wrapped = try other.wrapServiceKey(service.key) } catch { throw try await failure(error) }
        guard try await records.replaceKeys(serviceKey: (service.wrapped, wrapped), userKeys: pairs) else {
            throw VaultError(.unavailable, "a key was added meanwhile: run it again")
        }
        return pairs.count
    }

    /// The first credential of a user makes the user's key. Of two at once the one stored first stands.
    private func userKey(of user: UserID, at now: Timestamp) async throws(VaultError) -> WrappedUserKey {
        if let key = try await records.userKey(of: user) { return key }
        try await verifyRootKey()  // nothing must be wrapped by a wrong key
        let fresh: WrappedUserKey
        do throws(CryptoError) { fresh = try envelope.makeUserKey(for: user, at: now) } catch { throw try await failure(error) }
        try await records.insertUserKey(fresh)
        guard let key = try await records.userKey(of: user) else { throw VaultError(.unknownUser, "the user is gone") }
        return key
    }

    /// A wrong root key looks like an altered record: ask which it is.
    private func failure(_ error: CryptoError) async throws(VaultError) -> VaultError {
        guard error.code != .failed else { return Self.cipherFailure(error) }
        try await verifyRootKey()
        return VaultError(.notAuthentic, "a vault record was altered or moved: have its user enter the key again")
    }

    /// Being wrapped by the root key, it also tells whether that is the right one. Of two made at once the one stored first stands.
    private func serviceKey() async throws(VaultError) -> (wrapped: [UInt8], key: Secret) {
        if try await records.serviceKey() == nil {
            let fresh: [UInt8]
            do throws(CryptoError) { fresh = try envelope.makeServiceKey() } catch { throw Self.cipherFailure(error) }
            try await records.insertServiceKey(fresh)
        }
        guard let wrapped = try await records.serviceKey() else { throw VaultError(.internalError, "the service key is missing") }
        do throws(CryptoError) { return (wrapped, try envelope.unwrapServiceKey(wrapped)) } catch {
            guard error.code == .failed else {
                throw VaultError(.wrongRootKey, "the vault was made with another root key: give the server that key file")
            }
            throw Self.cipherFailure(error)
        }
    }

    private static func cipherFailure(_ error: CryptoError) -> VaultError {
        VaultError(.internalError, "the cipher failed: \(error.code.rawValue)")
    }
}
