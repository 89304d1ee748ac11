package import Primitives

/// A user's key-encryption key, wrapped by the root key. Deleting it makes all of the user's records unreadable for good.
package struct WrappedUserKey: Sendable, Hashable {
    package let user: UserID
    /// Names the key in the associated data of everything under it.
    package let keyID: String
    package let wrapped: [UInt8]
    package let createdAt: Timestamp

    package init(user: UserID, keyID: String, wrapped: [UInt8], createdAt: Timestamp) {
        self.user = user
        self.keyID = keyID
        self.wrapped = wrapped
        self.createdAt = createdAt
    }
}

/// One upstream credential as stored: nothing in it tells the credential.
package struct VaultRecord: Sendable, Hashable {
    package let user: UserID
    package let engine: String
    /// Fresh with every credential stored; part of the associated data.
    package let rowID: String
    /// The record's own key, wrapped by the user's.
    package let wrappedKey: [UInt8]
    /// Binds the record's key to nonce and associated data (VLT-2).
    package let commitment: [UInt8]
    /// Nonce, ciphertext, tag.
    package let sealed: [UInt8]
    package let storedAt: Timestamp

    package init(
        user: UserID, engine: String, rowID: String, wrappedKey: [UInt8], commitment: [UInt8], sealed: [UInt8], storedAt: Timestamp
    ) {
        self.user = user
        self.engine = engine
        self.rowID = rowID
        self.wrappedKey = wrappedKey
        self.commitment = commitment
        self.sealed = sealed
        self.storedAt = storedAt
    }
}

/// What may be shown of a stored credential.
package struct VaultEntry: Sendable, Hashable {
    package let engine: String
    package let storedAt: Timestamp
    /// When the upstream last accepted it; up to a minute behind.
    package let lastOKAt: Timestamp?
    /// The upstream refused it last (VLT-5): its user must act.
    package let isRejected: Bool

    package init(engine: String, storedAt: Timestamp, lastOKAt: Timestamp?, isRejected: Bool) {
        self.engine = engine
        self.storedAt = storedAt
        self.lastOKAt = lastOKAt
        self.isRejected = isRejected
    }
}

/// Persists what the vault has sealed. Every method is one transaction.
package protocol VaultStore: Sendable {
    /// The service key wrapped by the root key; nil before the first.
    func serviceKey() async throws(VaultError) -> [UInt8]?
    /// Keeps it unless there is one.
    func insertServiceKey(_ wrapped: [UInt8]) async throws(VaultError)

    func userKey(of user: UserID) async throws(VaultError) -> WrappedUserKey?
    /// Keeps the key unless the user has one, or the service key is no longer the one given: then the root key was replaced, and
    /// nothing may be kept that was wrapped by the former. - Throws: `.unknownUser`.
    func insertUserKey(_ key: WrappedUserKey, under serviceKey: [UInt8]) async throws(VaultError)
    func userKeys() async throws(VaultError) -> [WrappedUserKey]
    /// Exchanges the service key and all user keys at once; false, changing nothing, when any of the old ones differs from what is
    /// stored or one is missing.
    func replaceKeys(
        serviceKey: (old: [UInt8], new: [UInt8]), userKeys: [(old: WrappedUserKey, new: WrappedUserKey)]
    ) async throws(VaultError) -> Bool

    /// Inserts or replaces the record of its user and engine. - Throws: `.unknownUser` when the user's key is gone.
    func put(_ record: VaultRecord) async throws(VaultError)
    /// The record with the key above it; nil when there is none.
    func record(of user: UserID, engine: String) async throws(VaultError) -> (key: WrappedUserKey, record: VaultRecord)?
    /// By engine.
    func entries(of user: UserID) async throws(VaultError) -> [VaultEntry]
    /// Notes how the upstream judged the credential.
    func mark(_ user: UserID, engine: String, isRejected: Bool, at now: Timestamp) async throws(VaultError)
    /// False when there was none. Bumps the revocation epoch.
    func remove(_ user: UserID, engine: String) async throws(VaultError) -> Bool
}
