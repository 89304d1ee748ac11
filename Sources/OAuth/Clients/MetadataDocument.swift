internal import HTTP
internal import Primitives

/// A client id metadata document (draft-ietf-oauth-client-id-metadata-document), checked (CIMD-1, CIMD-3).
struct MetadataDocument: Sendable {
    let url: String
    let name: String
    let redirectURIs: [String]
    let method: Client.AuthenticationMethod
    let keys: Client.Keys?

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
        guard let method = Self.method(object) else { throw refuse("no authentication method in common") }
        do { keys = try ClientRegistration.keys(object, isNeeded: method == .privateKey) } catch {
            throw refuse("keys are missing or not usable")
        }
        self.method = method
        self.url = url
        self.name = name
        redirectURIs = uris.compactMap { $0 }
    }

    /// Private and symmetric members of RFC 7518 §6: whoever publishes one has lost the key, and shows little care.
    static func holdsPrivateKey(_ jwks: JSONValue?) -> Bool {
        let secretMembers: Set<String> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
        return (jwks?["keys"]?.array ?? []).contains { key in key.object?.keys.contains(where: secretMembers.contains) ?? false }
    }

    /// The document may name one method or offer several. Where `none` is among several it is what clients use, since nobody
    /// tells them which one we chose (CIMD-3).
    private static func method(_ object: JSONObject) -> Client.AuthenticationMethod? {
        if let method = object["token_endpoint_auth_method"]?.string { return usable(method) }
        guard let offered = object["token_endpoint_auth_methods_supported"]?.array else { return Client.AuthenticationMethod.none }
        if offered.contains("none") { return Client.AuthenticationMethod.none }
        return offered.lazy.compactMap { $0.string.flatMap(usable) }.first
    }

    private static func usable(_ method: String) -> Client.AuthenticationMethod? {
        switch Client.AuthenticationMethod(rawValue: method) {
        case .none?: Client.AuthenticationMethod.none
        case .privateKey?: .privateKey
        default: nil
        }
    }

    /// An https URL that the outbound guard may be asked for.
    static func isFetchable(_ text: String) -> Bool {
        guard text.utf8.count <= 2000, text.hasPrefix("https://"), let url = URLReference(text) else { return false }
        return url.hasAuthority && url.fragment == nil && !url.hasUserInfo
    }

    /// The client it describes; fresh for the answer's own time, held between 5 minutes and a day (CIMD-4).
    func client(at now: Timestamp, maxAge: Int?, replacing earlier: Client?) -> Client {
        var client = Client(
            id: ClientID(url), kind: .metadata, name: name, redirectURIs: redirectURIs, authenticationMethod: method,
            secretDigest: nil, grantTypes: ["authorization_code", "refresh_token"], createdAt: earlier?.createdAt ?? now,
            lastUsedAt: earlier?.lastUsedAt,
            metadataFreshUntil: now + .seconds(min(max(maxAge ?? 3600, 300), 86_400)))
        client.keys = keys
        return client
    }
}
