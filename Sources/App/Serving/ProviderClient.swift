import Client
import HTTP
import OAuth
import Primitives
import Synchronization

/// Configured OpenID providers over libcurl. Their addresses are the administrator's word, so that the guard against strangers'
/// addresses (oauth.md §20) is not asked; sizes, times and certificates are checked all the same.
final class ProviderClient: ProviderDirectory {
    private let client: HTTPClient
    private let documents = Mutex<[String: (value: JSONValue, at: MonotonicTime)]>([:])

    private static let metadataLifetime = Duration.seconds(3600)
    private static let keysLifetime = Duration.seconds(300)
    private static let keysRefresh = Duration.seconds(60)

    init(client: HTTPClient) { self.client = client }

    func metadata(of provider: IdentityProvider) async throws(MetadataFetchError) -> ProviderMetadata {
        let url = provider.issuer + "/.well-known/openid-configuration"
        let document = try await get(url, keptFor: Self.metadataLifetime)
        guard document["issuer"]?.string == provider.issuer else {
            throw MetadataFetchError(reason: "issuer differs from the configured one", isBlocked: false)
        }
        guard let authorization = document["authorization_endpoint"]?.string, let token = document["token_endpoint"]?.string,
            let keys = document["jwks_uri"]?.string,
            [authorization, token, keys].allSatisfy({ Self.isAcceptable($0, besides: provider.issuer) })
        else { throw MetadataFetchError(reason: "endpoints are missing or not https", isBlocked: false) }
        return ProviderMetadata(
            authorizationEndpoint: authorization, tokenEndpoint: token, keySetURL: keys,
            sendsIssuer: document["authorization_response_iss_parameter_supported"] == true)
    }

    /// https; plain http only for a provider configured with a loopback origin, and at that origin alone (SSRF-1).
    private static func isAcceptable(_ url: String, besides issuer: String) -> Bool {
        url.hasPrefix("https://") || (issuer.hasPrefix("http://") && URLReference(url)?.origin == URLReference(issuer)?.origin)
    }

    func keySet(of provider: IdentityProvider, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue {
        try await get(
            try await metadata(of: provider).keySetURL, keptFor: refreshing ? Self.keysRefresh : Self.keysLifetime)
    }

    func redeem(_ form: [(String, String)], at provider: IdentityProvider) async throws(MetadataFetchError) -> JSONValue {
        let body = form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        var request = OutboundRequest(.post, try await metadata(of: provider).tokenEndpoint)
        request.fields = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        request.body = Array(body.utf8)
        return try await send(request)
    }

    private func get(_ url: String, keptFor lifetime: Duration) async throws(MetadataFetchError) -> JSONValue {
        let now = MonotonicTime.now()
        if let kept = documents.withLock({ $0[url] }), now - kept.at < lifetime { return kept.value }
        var request = OutboundRequest(.get, url)
        request.fields = [("Accept", "application/json")]
        let value = try await send(request)
        documents.withLock { $0[url] = (value, now) }
        return value
    }

    private func send(_ request: OutboundRequest) async throws(MetadataFetchError) -> JSONValue {
        var request = request
        request.connectTimeout = .seconds(5)
        request.timeout = .seconds(10)
        request.maximumResponseBytes = 1 << 20
        let answer: OutboundResponse
        do throws(ClientError) { answer = try await client.send(request) } catch {
            throw MetadataFetchError(reason: "provider: \(error.code.rawValue)", isBlocked: false)
        }
        guard answer.status == 200, let value = try? JSONValue(parsing: answer.body) else {
            throw MetadataFetchError(reason: "provider answered \(answer.status)", isBlocked: false)
        }
        return value
    }
}
