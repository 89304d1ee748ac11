import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct MetadataEndpointTests {
    private static let settings = OAuthSettings(
        issuer: "https://gate.example",
        resources: [
            ProtectedResource(url: "https://gate.example/mcp", path: "/mcp", engine: "qarnot", title: "Qarnot"),
            ProtectedResource(url: "https://gate.example/two", path: "/two", engine: "second", title: "Second"),
        ])

    private func get(_ path: String, _ fields: Fields = [], _ adjust: (inout OAuthSettings) -> Void = { _ in }) async -> Response {
        var settings = Self.settings
        adjust(&settings)
        return await MetadataEndpoint(settings: settings).respond(to: .get(path, [], fields), in: .sample)
    }

    @Test(arguments: ["", "/mcp", "/two"])
    func `the server's document has every field clients look for (META-2, META-3)`(_ suffix: String) async {
        let answer = await get("/.well-known/oauth-authorization-server" + suffix)
        #expect(answer.status == .ok)
        #expect(answer.fields[.contentType] == "application/json")
        #expect(answer.fields[.cacheControl] == "public, max-age=300")
        let json = answer.json
        #expect(json["issuer"] == "https://gate.example")
        #expect(json["authorization_endpoint"] == "https://gate.example/authorize")
        #expect(json["token_endpoint"] == "https://gate.example/token")
        #expect(json["registration_endpoint"] == "https://gate.example/register")
        #expect(json["revocation_endpoint"] == "https://gate.example/revoke")
        #expect(json["response_types_supported"] == ["code"])
        #expect(json["response_modes_supported"] == ["query"])
        #expect(json["code_challenge_methods_supported"] == ["S256"])
        #expect(json["authorization_response_iss_parameter_supported"] == true)
        #expect(json["scopes_supported"]?.array?.contains("offline_access") == true)
        // Claude wants both before it uses documents (META-5).
        #expect(json["client_id_metadata_document_supported"] == true)
        #expect(json["token_endpoint_auth_methods_supported"]?.array?.contains("none") == true)
    }

    @Test func `only what is switched on is advertised (META-4)`() async {
        let answer = await get("/.well-known/oauth-authorization-server") {
            $0.registration = .off
            $0.acceptsMetadataDocuments = false
        }
        #expect(answer.json["registration_endpoint"] == nil)
        #expect(answer.json["client_id_metadata_document_supported"] == false)
        for (name, path) in [
            ("jwks_uri", "/jwks.json"), ("introspection_endpoint", "/introspect"),
            ("pushed_authorization_request_endpoint", "/par"),
            ("device_authorization_endpoint", "/device_authorization"),
        ] {
            #expect(answer.json[name]?.string == World.issuer + path)
        }
        #expect(answer.json["userinfo_endpoint"] == nil && answer.json["mtls_endpoint_aliases"] == nil)
    }

    @Test(arguments: [
        ("/mcp", "https://gate.example/mcp", "qarnot"), ("/two", "https://gate.example/two", "second"),
        ("", "https://gate.example/mcp", "qarnot"),
    ])
    func `each resource has its document, the first one at the root too (PRM-1)`(_ path: String, _ url: String, _ engine: String)
        async
    {
        let json = await get("/.well-known/oauth-protected-resource" + path).json
        #expect(json["resource"]?.string == url)
        #expect(json["authorization_servers"] == ["https://gate.example"])
        #expect(json["bearer_methods_supported"] == ["header"])
        let scopes = json["scopes_supported"]?.array?.compactMap(\.string) ?? []
        #expect(!scopes.isEmpty && scopes.allSatisfy { $0.hasPrefix(engine + ":") })
        #expect(!scopes.contains("offline_access"))
    }

    @Test(arguments: [
        "/.well-known/oauth-protected-resource/nowhere", "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/x",
    ])
    func `an unknown document is 404 in JSON (PRM-1)`(_ path: String) async {
        let answer = await get(path)
        #expect(answer.status == .notFound && answer.fields[.contentType] == "application/json" && answer.error != nil)
    }

    @Test func `a document known by its tag is not sent again (META-1)`() async throws {
        let path = "/.well-known/oauth-authorization-server"
        let tag = try #require(await get(path).fields[.etag])
        let answer = await get(path, [(.ifNoneMatch, tag)])
        #expect(answer.status == .notModified && answer.text.isEmpty)
        #expect(await get(path, [(.ifNoneMatch, "\"other\"")]).status == .ok)
    }

    @Test func `the issuer never comes from the request (META-1)`() async {
        let answer = await get(
            "/.well-known/oauth-authorization-server", [(.host, "evil.example"), (FieldName("x-forwarded-host"), "evil.example")])
        #expect(!answer.text.contains("evil.example"))
    }

    @Test func `POST is not allowed (PRM-1)`() async {
        let answer = await MetadataEndpoint(settings: Self.settings)
            .respond(to: .form("/.well-known/oauth-authorization-server", []), in: .sample)
        #expect(answer.status == .methodNotAllowed && answer.fields[.allow]?.contains("GET") == true)
    }
}
