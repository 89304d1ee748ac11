package import Primitives

extension OAuthSettings {
    /// RT-7, where it is switched on: ends the grants of a user for the engine whose upstream key goes. To be called before the
    /// key is removed, so that nothing is left standing when it fails halfway.
    package func endGrants(of user: UserID, engine: String, in grants: any GrantStore, at now: Timestamp) async throws(StoreError) {
        guard grantsEndWithKey else { return }
        let ended = Set(resources.filter { $0.engine == engine }.map(\.url))
        for summary in try await grants.grants(of: user, at: now) where ended.contains(summary.grant.resource) {
            _ = try await grants.revoke(summary.grant.id, at: now)
        }
    }
}
