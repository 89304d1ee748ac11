package import Primitives

/// Persists OAuth clients.
package protocol ClientStore: Sendable {
    /// - Throws: `.conflict` when the id is taken.
    func insert(_ client: Client) async throws(StoreError)
    /// Inserts or replaces a client described by its own document (CIMD).
    func upsert(_ client: Client) async throws(StoreError)
    /// Nil when unknown, removed, or past its expiry at `now`.
    func client(_ id: ClientID, at now: Timestamp) async throws(StoreError) -> Client?
    /// All clients, newest first.
    func clients() async throws(StoreError) -> [Client]
    /// Replaces what may change of a stored client; false when there is none.
    func update(_ client: Client) async throws(StoreError) -> Bool
    /// Notes a completed authorization: the client counts as used, and its expiry moves.
    func markUsed(_ id: ClientID, at now: Timestamp, expiresAt: Timestamp?) async throws(StoreError)
    /// Removes the client, its grants and tokens; false when there was none. Bumps the epoch.
    func remove(_ id: ClientID) async throws(StoreError) -> Bool
    /// Deletes expired dynamic clients, then the oldest never-used ones beyond `limit` (REG-2).
    func prune(at now: Timestamp, unusedLimit: Int) async throws(StoreError)
}
