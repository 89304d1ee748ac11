import Client
import HTTP
import OAuth
import Policy

/// Joins the authorization server to the guarded client (oauth.md §20).
struct MetadataFetcher: ClientMetadataFetcher {
    private let guarded: GuardedFetcher

    /// - Parameter quota: fetches from one host (CIMD-4); nil asks as often as there are requests.
    init(client: HTTPClient, sleeper: any Sleeper, quota: Quota?, server: Configuration.Server) {
        guarded = GuardedFetcher(
            client: client, resolver: SystemResolver(sleeper: sleeper), limiter: Self.limiter(quota), sleeper: sleeper,
            rules: GuardedFetcher.Rules(server))
    }

    static func limiter(_ quota: Quota?) -> FetchLimiter {
        guard let quota else { return FetchLimiter(perMinute: 1_000_000, burst: 1_000_000) }
        return FetchLimiter(perMinute: quota.rate * 60 / max(1, Int(quota.window.components.seconds)), burst: quota.burst)
    }

    func fetch(_ url: String) async throws(MetadataFetchError) -> (body: [UInt8], maxAge: Int?) {
        do throws(GuardError) { return try await guarded.fetch(url) } catch {
            throw MetadataFetchError(reason: error.reason, isBlocked: error.isBlocked)
        }
    }
}

extension GuardedFetcher.Rules {
    /// Those of production, with what is ours (SSRF-3).
    init(_ server: Configuration.Server) {
        self.init()
        ownHost = URLReference(server.publicURL)?.host.lowercased()
        ownNetworks = server.ownAddresses
    }
}
