import Client
import OAuth

/// Joins the authorization server to the guarded client (oauth.md §20).
struct MetadataFetcher: ClientMetadataFetcher {
    let client: HTTPClient

    func fetch(_ url: String) async throws(MetadataFetchError) -> (body: [UInt8], maxAge: Int?) {
        throw MetadataFetchError(reason: "pending", isBlocked: true)
    }
}
