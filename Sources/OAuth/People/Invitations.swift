package import Primitives

/// Single-use links with which people set their first password (PW-3): 256 bits, 24 hours.
package struct Invitations: Sendable {
    package static let lifetime = Duration.seconds(86_400)

    private let store: any FactorStore
    private let users: any UserStore
    private let hasher: TokenHasher

    package init(store: any FactorStore, users: any UserStore, hasher: TokenHasher) {
        self.store = store
        self.users = users
        self.hasher = hasher
    }

    /// A new code for the user; an earlier one ends.
    package func invite(_ user: User, at now: Timestamp) async throws(StoreError) -> Secret {
        let code = PushedRequest.freshValue()
        try await store.insertInvite(hasher.digest(of: "invite " + code), user: user.id, expiresAt: now + Self.lifetime)
        return Secret(code)
    }

    /// Whose invitation it is; nil when it was used, has expired or never was.
    package func user(of code: String, at now: Timestamp) async throws(StoreError) -> User? {
        guard let id = try await store.invite(hasher.digest(of: "invite " + code), at: now) else { return nil }
        return try await users.user(id)
    }

    /// Uses it: the password becomes the user's, and whatever they had open ends. False when somebody else was first.
    package func accept(_ code: String, hash: String, at now: Timestamp) async throws(StoreError) -> Bool {
        try await store.acceptInvite(hasher.digest(of: "invite " + code), passwordHash: hash, at: now)
    }
}
