import Client
import HTTP
import OAuth

/// Joins the authorization server to the guarded client (oauth.md §20).
struct MetadataFetcher: ClientMetadataFetcher {
    private let guarded: GuardedFetcher

    init(client: HTTPClient, sleeper: any Sleeper) {
        guarded = GuardedFetcher(client: client, resolver: SystemResolver(sleeper: sleeper), sleeper: sleeper)
    }

    func fetch(_ url: String) async throws(MetadataFetchError) -> (body: [UInt8], maxAge: Int?) {
        do throws(GuardError) { return try await guarded.fetch(url) } catch {
            throw MetadataFetchError(reason: error.reason, isBlocked: error.isBlocked)
        }
    }
}
