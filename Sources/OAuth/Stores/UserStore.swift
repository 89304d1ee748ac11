package import Primitives

/// A person with an account.
package struct User: Sendable, Hashable {
    package let id: UserID
    /// Unique; 1 to 64 characters of `a-z 0-9 . _ @ -`.
    package let name: String
    package var role: Role
    package var isDisabled: Bool
    package let createdAt: Timestamp

    package init(id: UserID, name: String, role: Role, isDisabled: Bool, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.role = role
        self.isDisabled = isDisabled
        self.createdAt = createdAt
    }
}

/// Persists users and their password hashes (PHC strings). Every change that must stop credentials bumps the revocation epoch
/// in the same transaction.
package protocol UserStore: Sendable {
    /// - Throws: `.conflict` when the name is taken.
    func insert(_ user: User, passwordHash: String?) async throws(StoreError)
    func user(named name: String) async throws(StoreError) -> User?
    func user(_ id: UserID) async throws(StoreError) -> User?
    /// Nil when the user has no password yet.
    func passwordHash(of id: UserID) async throws(StoreError) -> String?
    /// All users by name.
    func users() async throws(StoreError) -> [User]
    /// Replaces the hash. With `endingSessions` also ends every session and grant of the user (RT-7); a re-hash of the same
    /// password ends nothing.
    func setPasswordHash(_ hash: String, of id: UserID, endingSessions: Bool, at now: Timestamp) async throws(StoreError)
    /// Ends every session and grant of the user (RT-7). Bumps the epoch.
    func endSessionsAndGrants(of id: UserID, at now: Timestamp) async throws(StoreError)
    /// Bumps the epoch.
    func setRole(_ role: Role, of id: UserID) async throws(StoreError)
    /// Disabling also revokes grants, tokens and sessions (RT-7) and bumps the epoch.
    func setDisabled(_ isDisabled: Bool, of id: UserID, at now: Timestamp) async throws(StoreError)
    /// Removes the user with all grants, tokens, sessions and vault records. Bumps the epoch.
    func remove(_ id: UserID) async throws(StoreError)
}
