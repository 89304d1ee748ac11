package import Primitives

/// A device that waits for its user (RFC 8628).
package struct DeviceAuthorization: Sendable, Hashable {
    package let clientID: ClientID
    package let scopes: ScopeSet
    package let resource: String
    /// Where the device asked from, shown to the user.
    package let address: String
    package let expiresAt: Timestamp

    package init(clientID: ClientID, scopes: ScopeSet, resource: String, address: String, expiresAt: Timestamp) {
        self.clientID = clientID
        self.scopes = scopes
        self.resource = resource
        self.address = address
        self.expiresAt = expiresAt
    }
}

/// What a poll came to (RFC 8628 §3.5).
package enum DevicePoll: Sendable, Hashable {
    /// Unknown, used before, or another client's.
    case unknown
    case pending
    /// Polled too soon; the interval has grown by 5 s for good.
    case slowDown
    case denied, expired
    /// The user said yes; consumed, and the tokens are stored.
    case approved(Grant)
}

/// Persists device authorizations by the digests of both codes.
package protocol DeviceStore: Sendable {
    /// - Throws: `.conflict` when the user code is taken.
    func insert(
        _ authorization: DeviceAuthorization, deviceCode: TokenDigest, userCode: TokenDigest, interval: Duration
    ) async throws(StoreError)
    /// One that still waits for an answer; nil when unknown, answered or expired.
    func pending(userCode: TokenDigest, at now: Timestamp) async throws(StoreError) -> DeviceAuthorization?
    /// The user's yes; false when it was answered or expired meanwhile.
    func approve(userCode: TokenDigest, grant: Grant, at now: Timestamp) async throws(StoreError) -> Bool
    func deny(userCode: TokenDigest, at now: Timestamp) async throws(StoreError) -> Bool
    /// One poll of a device, in one transaction: an approved code is consumed and its tokens stored.
    func poll(
        _ deviceCode: TokenDigest, client: ClientID, access: NewAccessToken, refresh: NewRefreshToken?, at now: Timestamp
    ) async throws(StoreError) -> DevicePoll
}
