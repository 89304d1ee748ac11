package import Primitives

/// A credential as its registration brought it.
package struct NewCredential: Sendable, Hashable {
    package let id: [UInt8]
    /// COSE form.
    package let key: [UInt8]
    package let model: [UInt8]
    package let counter: UInt32
    /// The authenticator checked who it was at registration.
    package let isVerified: Bool
    package let isBackupEligible: Bool
    package let isBackedUp: Bool

    package init(
        id: [UInt8], key: [UInt8], model: [UInt8], counter: UInt32, isVerified: Bool, isBackupEligible: Bool, isBackedUp: Bool
    ) {
        self.id = id
        self.key = key
        self.model = model
        self.counter = counter
        self.isVerified = isVerified
        self.isBackupEligible = isBackupEligible
        self.isBackedUp = isBackedUp
    }
}

/// A registered passkey.
package struct Passkey: Sendable, Hashable {
    /// For lists and commands; says nothing of the credential.
    package let id: String
    package let userID: UserID
    package let credentialID: [UInt8]
    package let key: [UInt8]
    package let counter: UInt32
    package let isBackupEligible: Bool
    package let isBackedUp: Bool
    package let name: String
    package let createdAt: Timestamp
    package let lastUsedAt: Timestamp?

    package init(
        id: String, userID: UserID, credentialID: [UInt8], key: [UInt8], counter: UInt32, isBackupEligible: Bool,
        isBackedUp: Bool, name: String, createdAt: Timestamp, lastUsedAt: Timestamp?
    ) {
        self.id = id
        self.userID = userID
        self.credentialID = credentialID
        self.key = key
        self.counter = counter
        self.isBackupEligible = isBackupEligible
        self.isBackedUp = isBackedUp
        self.name = name
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }
}

/// Persists passkeys.
package protocol PasskeyStore: Sendable {
    /// The random 64 bytes by which authenticators know the user, made at the first call.
    func handle(of user: UserID, fresh: [UInt8]) async throws(StoreError) -> [UInt8]
    /// The user of a handle; nil when unknown.
    func user(ofHandle handle: [UInt8]) async throws(StoreError) -> UserID?
    /// Inserts a passkey, and the recovery codes when the user has none left.
    /// - Returns: whether the codes were taken; nil when the user has `limit` passkeys already.
    /// - Throws: `.conflict` when the credential id is taken, whoever's it is.
    func insert(
        _ credential: NewCredential, id: String, name: String, of user: UserID, limit: Int, recoveryCodes: [TokenDigest],
        at now: Timestamp
    ) async throws(StoreError) -> Bool?
    func passkey(_ credentialID: [UInt8]) async throws(StoreError) -> Passkey?
    /// Those of a user, the oldest first.
    func passkeys(of user: UserID) async throws(StoreError) -> [Passkey]
    /// Notes a use and moves the counter, by comparison: false when it did not grow, which of two uses with the same number
    /// happens to one.
    func use(_ credentialID: [UInt8], counter: UInt32, isBackedUp: Bool, at now: Timestamp) async throws(StoreError) -> Bool
    /// Removes one by its `id`; with the last factor go the recovery codes. False when the user has none of that id.
    func remove(id: String, of user: UserID) async throws(StoreError) -> Bool
    /// Removes all of a user and tells how many.
    func removeAll(of user: UserID) async throws(StoreError) -> Int
}
