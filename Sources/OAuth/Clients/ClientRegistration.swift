internal import Crypto
internal import HTTP
package import Primitives

/// The metadata a client registers with (RFC 7591 §2), checked and with our defaults filled in (REG-3 to REG-6).
package struct ClientRegistration: Sendable {
    package let name: String
    package let redirectURIs: [String]
    package let authenticationMethod: Client.AuthenticationMethod
    package let grantTypes: [String]
    package let keys: Client.Keys?

    /// The method proves a shared secret.
    package var usesSecret: Bool { authenticationMethod == .post || authenticationMethod == .basic }

    static let maximumBytes = 16 * 1024
    private static let knownGrants: Set<String> = [
        "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
    ]

    /// - Throws: `invalid_redirect_uri`, `invalid_client_metadata`, `invalid_software_statement`.
    package init(_ metadata: JSONObject, redirectSchemes: Set<String>) throws(OAuthError) {
        redirectURIs = try Self.redirectURIs(metadata["redirect_uris"], schemes: redirectSchemes)
        try Self.checkApplicationType(metadata["application_type"])
        grantTypes = try Self.grantTypes(metadata["grant_types"])
        try Self.checkResponseTypes(metadata["response_types"])
        authenticationMethod = try Self.method(metadata["token_endpoint_auth_method"])
        name = try Self.name(metadata["client_name"])
        keys = try Self.keys(metadata, isNeeded: authenticationMethod == .privateKey)
        if metadata["software_statement"] != nil {
            throw OAuthError(.invalidSoftwareStatement, "Software statements are not accepted here.", rule: "REG-6")
        }
    }

    private static func redirectURIs(_ value: JSONValue?, schemes: Set<String>) throws(OAuthError) -> [String] {
        let problem = OAuthError(
            .invalidRedirectURI, "redirect_uris must list 1 to 10 https, loopback http or private-scheme URIs without fragment.",
            rule: "REG-4")
        guard let array = value?.array, (1...RedirectURI.maximumCount).contains(array.count) else { throw problem }
        var uris: [String] = []
        for element in array {
            guard let uri = element.string, RedirectURI.isAcceptable(uri, schemes: schemes) else { throw problem }
            if !uris.contains(uri) { uris.append(uri) }
        }
        return uris
    }

    private static func checkApplicationType(_ value: JSONValue?) throws(OAuthError) {
        guard let value, !value.isNull else { return }
        guard value == "native" || value == "web" else { throw invalid("application_type must be native or web.") }
    }

    private static func grantTypes(_ value: JSONValue?) throws(OAuthError) -> [String] {
        guard let value, !value.isNull else { return ["authorization_code"] }
        guard let grants = value.array?.map(\.string), !grants.isEmpty, grants.allSatisfy({ $0.map(knownGrants.contains) ?? false })
        else { throw invalid("grant_types may hold authorization_code and refresh_token.") }
        let known = grants.compactMap { $0 }
        guard known.contains("authorization_code") else { throw invalid("grant_types must hold authorization_code.") }
        return known
    }

    private static func checkResponseTypes(_ value: JSONValue?) throws(OAuthError) {
        guard let value, !value.isNull else { return }
        guard value.array == ["code"] else { throw invalid("response_types may hold code only.") }
    }

    private static func method(_ value: JSONValue?) throws(OAuthError) -> Client.AuthenticationMethod {
        guard let value, !value.isNull else { return .basic }  // the default of RFC 7591 §2
        guard let method = value.string.flatMap(Client.AuthenticationMethod.init), method != .certificate else {
            throw invalid(
                "token_endpoint_auth_method must be none, client_secret_post, client_secret_basic or private_key_jwt.")
        }
        return method
    }

    /// The keys of a client an administrator registers. - Throws: `invalid_client_metadata`.
    package static func publicKeys(_ set: JSONValue) throws(OAuthError) -> Client.Keys {
        guard let keys = try keys(JSONObject([("jwks", set)]), isNeeded: true) else { throw invalid("The set has no keys.") }
        return keys
    }

    /// Where the keys of `private_key_jwt` are; other methods need none, and theirs are ignored.
    static func keys(_ metadata: JSONObject, isNeeded: Bool) throws(OAuthError) -> Client.Keys? {
        let set = metadata["jwks"].flatMap { $0.isNull ? nil : $0 }
        let uri = metadata["jwks_uri"].flatMap { $0.isNull ? nil : $0 }
        guard set == nil || uri == nil else { throw invalid("jwks and jwks_uri exclude each other.") }
        if let set {
            let keys = (set["keys"]?.array ?? []).compactMap { try? JSONWebKey($0) }
            guard let array = set["keys"]?.array, array.count <= 32, !MetadataDocument.holdsPrivateKey(set),
                !isNeeded || !keys.isEmpty
            else { throw invalid("jwks must hold public keys of ES256, EdDSA, PS256 or RS256.") }
        }
        if let uri {
            guard let text = uri.string, MetadataDocument.isFetchable(text) else { throw invalid("jwks_uri must be an https URL.") }
        }
        guard isNeeded else { return nil }
        if let set { return .set(set) }
        guard let text = uri?.string else { throw invalid("private_key_jwt needs jwks or jwks_uri.") }
        return .uri(text)
    }

    /// Display text of a stranger: control and direction-changing characters go, 64 characters stay (REG-5).
    private static func name(_ value: JSONValue?) throws(OAuthError) -> String {
        guard let value, !value.isNull else { return "Unnamed client" }
        guard let text = value.string else { throw invalid("client_name must be a string.") }
        let name = displayName(text)
        return name.isEmpty ? "Unnamed client" : name
    }

    /// The text without control, format and line-separating characters, at most 64 characters.
    static func displayName(_ text: String) -> String {
        let scalars = text.unicodeScalars.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
            default: true
            }
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(String(view).prefix(64))
    }

    private static func invalid(_ description: String) -> OAuthError {
        OAuthError(.invalidClientMetadata, description, rule: "REG-5")
    }
}
