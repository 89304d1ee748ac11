package import Primitives

/// Remembers values that count once: identifiers of assertions and proofs (AUTH-3, DP-1, JAG-1). Durable, so that a restart
/// forgets nothing.
package protocol SingleUseStore: Sendable {
    /// True for exactly one of all calls with this digest before `expiry`.
    func claim(_ digest: TokenDigest, until expiry: Timestamp, at now: Timestamp) async throws(StoreError) -> Bool
    /// Deletes what has expired.
    func prune(at now: Timestamp) async throws(StoreError)
}

/// Authorization requests pushed by their client (RFC 9126), 60 s each, used once.
package protocol PushedRequestStore: Sendable {
    /// - Parameter parameters: the form as pushed, without credentials.
    func insert(_ digest: TokenDigest, client: ClientID, parameters: String, expiresAt: Timestamp) async throws(StoreError)
    /// Takes it out; nil when unknown, used, expired or another client's.
    func take(_ digest: TokenDigest, client: ClientID, at now: Timestamp) async throws(StoreError) -> String?
}
