internal import Crypto
package import HTTP
internal import Primitives

/// `/.well-known/oauth-authorization-server` (RFC 8414; META-1 to META-5) and
/// `/.well-known/oauth-protected-resource` (RFC 9728; PRM-1). Documents are built once.
package struct MetadataEndpoint: Responder {
    private let documents: [String: Response]

    static let serverPath = "/.well-known/oauth-authorization-server"
    static let resourcePath = "/.well-known/oauth-protected-resource"

    package init(settings: OAuthSettings) {
        var documents: [String: Response] = [:]
        let server = Self.document(Self.serverMetadata(settings))
        documents[Self.serverPath] = server
        for resource in settings.resources {
            let protected = Self.document(Self.resourceMetadata(resource, settings))
            documents[Self.resourcePath + resource.path] = protected
            // Some clients look under the path of the MCP endpoint: the same document (META-2).
            documents[Self.serverPath + resource.path] = server
            if resource == settings.resources.first { documents[Self.resourcePath] = protected }
        }
        self.documents = documents
    }

    package func bodyLimit(for request: Request) -> Int { 0 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .get || request.method == .head else {
            return Response.json(["error": "invalid_request", "error_description": "Use GET."], status: .methodNotAllowed)
                .with(.allow, "GET, HEAD, OPTIONS")
        }
        let path = request.path.hasSuffix("/") ? String(request.path.dropLast()) : request.path
        guard let document = documents[path] else {
            return .json(["error": "not_found", "error_description": "There is no such document."], status: .notFound)
        }
        if let tag = document.fields[.etag], request.fields.all(.ifNoneMatch).contains(tag) {
            return Response(.notModified, fields: document.fields)
        }
        return document
    }

    private static func document(_ value: JSONValue) -> Response {
        let body = value.serialized
        return Response(
            .ok,
            fields: [
                (.contentType, "application/json"), (.cacheControl, "public, max-age=300"),
                (.etag, "\"\(Hex.encode(SHA256.digest(body).prefix(12)))\""),
            ], body: .bytes(body))
    }

    /// Only what the running configuration really does (META-4).
    private static func serverMetadata(_ settings: OAuthSettings) -> JSONValue {
        let issuer = settings.issuer
        let methods = JSONValue.strings(
            Client.AuthenticationMethod.allCases.filter { $0 != .certificate || settings.acceptsCertificates }.map(\.rawValue))
        let algorithms = JSONValue.strings(SignatureAlgorithm.allCases.map(\.rawValue))
        var object = JSONObject()
        object.append("issuer", .string(issuer))
        object.append("authorization_endpoint", .string(issuer + "/authorize"))
        object.append("token_endpoint", .string(issuer + "/token"))
        if settings.registration != .off { object.append("registration_endpoint", .string(issuer + "/register")) }
        object.append("jwks_uri", .string(issuer + "/jwks.json"))
        object.append("introspection_endpoint", .string(issuer + "/introspect"))
        object.append("pushed_authorization_request_endpoint", .string(issuer + "/par"))
        object.append("require_pushed_authorization_requests", false)
        object.append("device_authorization_endpoint", .string(issuer + "/device_authorization"))
        object.append("revocation_endpoint", .string(issuer + "/revoke"))
        object.append("scopes_supported", .strings(settings.resources.flatMap(\.scopes).map(\.description) + ["offline_access"]))
        object.append("response_types_supported", ["code"])
        object.append("response_modes_supported", ["query"])
        object.append(
            "grant_types_supported", .strings(TokenEndpoint.grantTypes + (settings.acceptsAssertions ? [AssertionGrant.type] : [])))
        if settings.acceptsAssertions { object.append("authorization_grant_profiles_supported", [.string(AssertionGrant.profile)]) }
        object.append("code_challenge_methods_supported", ["S256"])
        object.append("token_endpoint_auth_methods_supported", methods)
        object.append("token_endpoint_auth_signing_alg_values_supported", algorithms)
        object.append("revocation_endpoint_auth_methods_supported", methods)
        object.append("revocation_endpoint_auth_signing_alg_values_supported", algorithms)
        object.append(
            "introspection_endpoint_auth_methods_supported", ["client_secret_post", "client_secret_basic", "private_key_jwt"])
        object.append("introspection_endpoint_auth_signing_alg_values_supported", algorithms)
        object.append("dpop_signing_alg_values_supported", algorithms)
        object.append("authorization_response_iss_parameter_supported", true)
        object.append("client_id_metadata_document_supported", .bool(settings.acceptsMetadataDocuments))
        if settings.acceptsCertificates { object.append("tls_client_certificate_bound_access_tokens", true) }
        object.append("acr_values_supported", .strings(Assurance.allCases.map(\.rawValue)))
        object.append("service_documentation", .string(issuer + "/"))
        object.append("ui_locales_supported", ["en"])
        return .object(object)
    }

    private static func resourceMetadata(_ resource: ProtectedResource, _ settings: OAuthSettings) -> JSONValue {
        [
            "resource": .string(resource.url),
            "authorization_servers": .strings([settings.issuer]),
            // The minimal set, never offline_access: clients without a hint ask for all of it.
            "scopes_supported": .strings(resource.baseline.scopes.map(\.description)),
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": .strings(SignatureAlgorithm.allCases.map(\.rawValue)),
            "dpop_bound_access_tokens_required": false,
            "resource_name": .string(resource.title),
            "resource_documentation": .string(settings.issuer + "/"),
        ]
    }
}
