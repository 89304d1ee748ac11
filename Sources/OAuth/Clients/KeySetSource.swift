package import Primitives

/// Supplies the JWK sets of clients and of trusted issuers, fetched through the outbound guard (oauth.md §20) and kept for five
/// minutes (AUTH-3). `App` joins it to libcurl.
package protocol KeySetSource: Sendable {
    /// The JWK set at an https URL.
    /// - Parameter refreshing: a key was not found in the copy at hand: ask again, at most once a minute.
    /// - Throws: `MetadataFetchError`.
    func keySet(at url: String, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue
}
