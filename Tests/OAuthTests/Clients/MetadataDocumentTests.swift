import Foundation
import Primitives
import Testing

@testable import OAuth

@Suite struct MetadataDocumentTests {
    static let url = "https://app.example/oauth/client"
    static let document =
        #"{"client_id":"https://app.example/oauth/client","client_name":"App","redirect_uris":["https://app.example/cb"]}"#

    @Test(arguments: [
        "https://app.example/client", "https://app.example:443/a/b.json", "https://claude.ai/oauth/mcp-oauth-client-metadata",
    ])
    func `an https URL with a path is a client id (CIMD-1)`(_ url: String) { #expect(MetadataDocument.isClientURL(url)) }

    @Test(arguments: [
        "http://app.example/client", "https://app.example", "https://app.example/", "https://app.example/a/../b",
        "https://app.example/./b",
        "https://app.example/%2e%2e/b", "https://app.example/c#f", "https://u@app.example/c", "https://u:p@app.example/c",
        "https://app.example/c?x=1", "https://app.example/c?", "app", "", "HTTPS://app.example/c", "https:///c",
        "https://app.example/a b",
        "https://app.example/" + String(repeating: "a", count: 500),
    ])
    func `any other text is none (CIMD-1)`(_ url: String) { #expect(!MetadataDocument.isClientURL(url)) }

    private func refusal(_ document: String) -> String? {
        do throws(MetadataFetchError) {
            _ = try MetadataDocument(Array(document.utf8), url: Self.url, redirectSchemes: [])
            return nil
        } catch { return error.reason }
    }

    private func with(_ member: String) -> String { String(Self.document.dropLast()) + "," + member + "}" }

    @Test func `a complete document is a client`() throws {
        let document = try MetadataDocument(Array(Self.document.utf8), url: Self.url, redirectSchemes: [])
        let client = document.client(at: .at(0), maxAge: nil, replacing: nil)
        #expect(client.id == ClientID(Self.url) && client.kind == .metadata && client.name == "App")
        #expect(client.authenticationMethod == .none && client.secretDigest == nil)
        #expect(client.grantTypes.contains("refresh_token"))
    }

    @Test(arguments: [
        ("", "document is no JSON object"), ("[]", "document is no JSON object"),
        (#"{"client_id":"https://app.example/oauth/client","client_id":"x"}"#, "document is no JSON object"),
        (#"{"client_name":"App","redirect_uris":["https://app.example/cb"]}"#, "client_id differs from the URL"),
        (
            #"{"client_id":"https://app.example/oauth/client/","client_name":"App","redirect_uris":["https://app.example/cb"]}"#,
            "client_id differs from the URL"
        ),
        (
            #"{"client_id":"https://APP.example/oauth/client","client_name":"App","redirect_uris":["https://app.example/cb"]}"#,
            "client_id differs from the URL"
        ),
        (#"{"client_id":"https://app.example/oauth/client","redirect_uris":["https://app.example/cb"]}"#, "client_name is missing"),
        (
            #"{"client_id":"https://app.example/oauth/client","client_name":"","redirect_uris":["https://app.example/cb"]}"#,
            "client_name is missing"
        ),
        (#"{"client_id":"https://app.example/oauth/client","client_name":"App"}"#, "redirect_uris are missing or not acceptable"),
        (
            #"{"client_id":"https://app.example/oauth/client","client_name":"App","redirect_uris":[]}"#,
            "redirect_uris are missing or not acceptable"
        ),
        (
            #"{"client_id":"https://app.example/oauth/client","client_name":"App","redirect_uris":["http://app.example/cb"]}"#,
            "redirect_uris are missing or not acceptable"
        ),
        (
            #"{"client_id":"https://app.example/oauth/client","client_name":"App","redirect_uris":["https://app.example/cb",1]}"#,
            "redirect_uris are missing or not acceptable"
        ),
    ])
    func `a document with a fault is refused by name (CIMD-3)`(_ document: String, _ reason: String) {
        #expect(refusal(document) == reason)
    }

    @Test(arguments: [
        (#""client_secret":"x""#, "document holds a secret"), (#""client_secret_expires_at":0"#, "document holds a secret"),
        (#""token_endpoint_auth_method":"client_secret_post""#, "no authentication method in common"),
        (#""token_endpoint_auth_method":"private_key_jwt""#, "keys are missing or not usable"),
        (#""token_endpoint_auth_methods_supported":["private_key_jwt"]"#, "keys are missing or not usable"),
        (#""jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"c"}]}"#, "document holds a private key"),
        (#""jwks":{"keys":[{"kty":"oct","k":"c"}]}"#, "document holds a private key"),
    ])
    func `secrets and methods we do not offer are refused (CIMD-3)`(_ member: String, _ reason: String) {
        #expect(refusal(with(member)) == reason)
    }

    @Test(arguments: [
        #""token_endpoint_auth_method":"none""#, #""token_endpoint_auth_methods_supported":["private_key_jwt","none"]"#,
        #""jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}"#, #""unknown":{"a":[1]}"#,
    ])
    func `what concerns us not is ignored`(_ member: String) { #expect(refusal(with(member)) == nil) }

    @Test func `more than 5 KiB are refused (CIMD-2)`() {
        #expect(refusal(with(#""pad":""# + String(repeating: "x", count: 5200) + "\"")) == "document is larger than 5 KiB")
    }

    @Test(arguments: [(nil, 3600), (0, 300), (299, 300), (600, 600), (86_400, 86_400), (1_000_000, 86_400)] as [(Int?, Int64)])
    func `a document is fresh for its own time between 5 minutes and a day (CIMD-4)`(_ maxAge: Int?, _ seconds: Int64) throws {
        let document = try MetadataDocument(Array(Self.document.utf8), url: Self.url, redirectSchemes: [])
        #expect(document.client(at: .at(0), maxAge: maxAge, replacing: nil).metadataFreshUntil == .at(seconds))
    }
}

@Suite struct ClientResolverTests {
    private let id = ClientID(MetadataDocumentTests.url)

    @Test func `a document is fetched once while fresh (CIMD-4)`() async throws {
        let world = try await World()
        world.fetcher.serve(MetadataDocumentTests.document, at: id.text, maxAge: 600)
        let first = try await world.resolver.clientForAuthorization(id, at: world.now)
        #expect(first.client?.name == "App" && first.events.map(\.name) == ["client.metadata.fetched"])
        _ = try await world.resolver.clientForAuthorization(id, at: world.now + .seconds(599))
        #expect(world.fetcher.fetches == 1)
        _ = try await world.resolver.clientForAuthorization(id, at: world.now + .seconds(600))
        #expect(world.fetcher.fetches == 2)
    }

    @Test(
        arguments: [
            ("app.example", [], [], false, ClientHosts.Verdict.unknown), ("app.example", ["app.example"], [], true, .vouchedFor),
            ("APP.example", ["*.example"], [], true, .vouchedFor), ("example", ["*.example"], [], true, .refused),
            ("notexample", ["*.example"], [], false, .unknown), ("app.example", [], [], true, .refused),
            ("app.example", ["app.example"], ["*.example"], false, .refused), ("app.example", [], ["app.example"], false, .refused),
        ] as [(String, [String], [String], Bool, ClientHosts.Verdict)])
    func `a host is vouched for, unknown or refused (CIMD-9)`(
        _ host: String, _ allowed: [String], _ denied: [String], _ refuses: Bool, _ verdict: ClientHosts.Verdict
    ) {
        #expect(ClientHosts(allowed: allowed, denied: denied, refusesOthers: refuses).judge(host: host) == verdict)
    }

    @Test func `nothing is fetched from a refused host, and a document may not send codes to one (CIMD-9, CLI-2)`() async throws {
        let world = try await World { $0.clientHosts = ClientHosts(denied: ["app.example"]) }
        let elsewhere = "https://other.example/client.json"
        world.fetcher.serve(MetadataDocumentTests.document, at: id.text)
        world.fetcher.serve(
            MetadataDocumentTests.document.replacingOccurrences(of: id.text, with: elsewhere), at: elsewhere)
        let refused = try await world.resolver.clientForAuthorization(id, at: world.now)
        #expect(refused.client == nil && refused.events.map(\.reason) == ["CIMD-9"] && world.fetcher.fetches == 0)
        let sending = try await world.resolver.clientForAuthorization(ClientID(elsewhere), at: world.now)
        #expect(sending.client == nil && sending.events.last?.reason == "CIMD-9")
        #expect(try await world.resolver.clientForAuthorization(Client.app.id, at: world.now).client != nil, "registered by hand")
    }

    @Test func `a document that changed its addresses is on record (CIMD-6)`() async throws {
        let world = try await World()
        world.fetcher.serve(MetadataDocumentTests.document, at: id.text, maxAge: 300)
        _ = try await world.resolver.clientForAuthorization(id, at: world.now)
        let same = try await world.resolver.clientForAuthorization(id, at: world.now + .seconds(300))
        #expect(same.events.map(\.name) == ["client.metadata.fetched"])
        let moved = MetadataDocumentTests.document.replacingOccurrences(of: "app.example/cb", with: "app.example/cb2")
        world.fetcher.serve(moved, at: id.text, maxAge: 300)
        let changed = try await world.resolver.clientForAuthorization(id, at: world.now + .seconds(600))
        #expect(changed.events.map(\.name) == ["client.metadata.fetched", "client.metadata.changed"])
        #expect(changed.client?.redirectURIs == ["https://app.example/cb2"])
    }

    @Test func `an error is not cached, and a blocked fetch is named so (CIMD-4, SSRF-5)`() async throws {
        let world = try await World()
        for isBlocked in [false, true] {
            world.fetcher.serve(nil, at: id.text, isBlocked: isBlocked)
            let found = try await world.resolver.clientForAuthorization(id, at: world.now)
            #expect(found.client == nil)
            #expect(found.events.map(\.name) == [isBlocked ? "ssrf.blocked" : "client.metadata.rejected"])
        }
        #expect(world.fetcher.fetches == 2)
    }

    @Test func `when its host is down a used client lives on for seven days, an unused one does not (CIMD-4)`() async throws {
        let world = try await World()
        world.fetcher.serve(MetadataDocumentTests.document, at: id.text, maxAge: 600)
        _ = try await world.resolver.clientForAuthorization(id, at: world.now)
        world.fetcher.serve(nil, at: id.text)
        let later = world.now + .seconds(700)
        #expect(try await world.resolver.clientForAuthorization(id, at: later).client == nil)
        try await world.clients.markUsed(id, at: world.now, expiresAt: nil)
        #expect(try await world.resolver.clientForAuthorization(id, at: later).client != nil)
        #expect(try await world.resolver.clientForAuthorization(id, at: world.now + .seconds(600 + 7 * 86_400 + 1)).client == nil)
    }

    @Test func `a stored client of that name is never replaced by a document (CLI-1)`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample(id.text))
        let found = try await world.resolver.clientForAuthorization(id, at: world.now)
        #expect(found.client?.kind == .preregistered && world.fetcher.fetches == 0)
    }

    @Test func `the token endpoint fetches nothing`() async throws {
        let world = try await World()
        world.fetcher.serve(MetadataDocumentTests.document, at: id.text)
        #expect(try await world.resolver.client(id, at: world.now) == nil)
        #expect(world.fetcher.fetches == 0)
    }
}
