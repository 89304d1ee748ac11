internal import HTTP
internal import Primitives

/// A client id metadata document (draft-ietf-oauth-client-id-metadata-document), checked (CIMD-1, CIMD-3).
struct MetadataDocument: Sendable {
    let url: String
    let name: String
    let redirectURIs: [String]

    /// CIMD-1: https, a path other than `/`, no dot segments, fragment, user or query; at most 512 characters.
    static func isClientURL(_ text: String) -> Bool {
        guard text.utf8.count <= 512, text.hasPrefix("https://"), let url = URLReference(text) else { return false }
        let hasDots = url.path.split(separator: "/").contains {
            [".", "..", "%2e", "%2e%2e", ".%2e", "%2e."].contains($0.lowercased())
        }
        return url.hasAuthority && url.path.utf8.count > 1 && !hasDots && url.fragment == nil && !url.hasUserInfo
            && url.query == nil
    }

    /// - Throws: `MetadataFetchError` whose reason names the member that is wrong.
    init(_ body: [UInt8], url: String, redirectSchemes: Set<String>) throws(MetadataFetchError) {
        func refuse(_ reason: String) -> MetadataFetchError { MetadataFetchError(reason: reason, isBlocked: false) }
        guard body.count <= 5 * 1024 else { throw refuse("document is larger than 5 KiB") }
        guard let object = (try? JSONValue(parsing: body))?.object else { throw refuse("document is no JSON object") }
        guard object["client_id"]?.string == url else { throw refuse("client_id differs from the URL") }
        guard let name = object["client_name"]?.string.map(ClientRegistration.displayName), !name.isEmpty else {
            throw refuse("client_name is missing")
        }
        let uris = object["redirect_uris"]?.array?.map(\.string) ?? []
        guard (1...RedirectURI.maximumCount).contains(uris.count),
            uris.allSatisfy({ $0.map { RedirectURI.isAcceptable($0, schemes: redirectSchemes) } ?? false })
        else { throw refuse("redirect_uris are missing or not acceptable") }
        guard !object.keys.contains(where: { $0.hasPrefix("client_secret") }) else { throw refuse("document holds a secret") }
        guard !Self.holdsPrivateKey(object["jwks"]) else { throw refuse("document holds a private key") }
        guard Self.offersNone(object) else { throw refuse("no authentication method in common") }
        self.url = url
        self.name = name
        redirectURIs = uris.compactMap { $0 }
    }

    /// Private and symmetric members of RFC 7518 §6: whoever publishes one has lost the key, and shows little care.
    private static func holdsPrivateKey(_ jwks: JSONValue?) -> Bool {
        let secretMembers: Set<String> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
        return (jwks?["keys"]?.array ?? []).contains { key in key.object?.keys.contains(where: secretMembers.contains) ?? false }
    }

    /// The document may name one method or offer several; `none` is the one served (CIMD-3).
    private static func offersNone(_ object: JSONObject) -> Bool {
        if let offered = object["token_endpoint_auth_methods_supported"]?.array { return offered.contains("none") }
        let method = object["token_endpoint_auth_method"]
        return method == nil || method == "none"
    }

    /// The client it describes; fresh for the answer's own time, held between 5 minutes and a day (CIMD-4).
    func client(at now: Timestamp, maxAge: Int?, replacing earlier: Client?) -> Client {
        Client(
            id: ClientID(url), kind: .metadata, name: name, redirectURIs: redirectURIs, authenticationMethod: .none,
            secretDigest: nil, grantTypes: ["authorization_code", "refresh_token"], createdAt: earlier?.createdAt ?? now,
            lastUsedAt: earlier?.lastUsedAt,
            metadataFreshUntil: now + .seconds(min(max(maxAge ?? 3600, 300), 86_400)))
    }
}
