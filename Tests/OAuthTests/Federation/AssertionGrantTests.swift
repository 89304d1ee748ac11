import Crypto
import HTTP
import Primitives
import Storage
import Testing

@testable import OAuth

/// Identity assertions of configured providers (ID-JAG; JAG-1, JAG-2).
struct AssertionGrantTests {
    private static let provider = IdentityProvider(
        name: "corp", title: "Corp", issuer: "https://idp.example", clientID: "gate", clientSecret: nil,
        userClaim: "preferred_username", linksExisting: true, newUserRole: nil, acceptsAssertions: true)

    private func present(
        _ world: World, _ key: ClientKey, type: String = "oauth-id-jag+jwt", client: String = "post",
        providers: [IdentityProvider] = [provider], _ change: (inout JSONObject) -> Void = { _ in }
    ) async throws -> Response {
        let now = world.now.seconds
        var claims = JSONObject([
            ("iss", "https://idp.example"), ("sub", "77"), ("aud", .string(World.issuer)), ("client_id", .string(client)),
            ("jti", .string(Random.text(16))), ("iat", .int(now)), ("exp", .int(now + 300)), ("scope", "qarnot:admin"),
            ("resource", "https://gate.example/mcp"), ("preferred_username", "ada"),
        ])
        change(&claims)
        let assertion = try key.key.sign(.object(claims), type: type)
        return await send(world, key, assertion, client, providers)
    }

    private func send(
        _ world: World, _ key: ClientKey, _ assertion: String, _ client: String, _ providers: [IdentityProvider]
    ) async -> Response {
        var parameters: [(String, String)] = [("grant_type", AssertionGrant.type), ("assertion", assertion), ("client_id", client)]
        if client == "post" { parameters.append(("client_secret", World.secret)) }
        return await world.answer(.form("/token", parameters)) { world in
            TokenEndpoint(
                world.server,
                federation: FederatedLogin(
                    providers: providers, world.server, directory: ScriptedDirectory(set: key.set), identities: world.identities,
                    security: world.security, stateKey: Secret([UInt8](repeating: 3, count: 32))))
        }
    }

    private func world() async throws -> World { try await World { $0.acceptsAssertions = true } }

    @Test func `an assertion becomes a token of its user here, within the role, without a refresh token`() async throws {
        let world = try await world()
        let answer = try await present(world, ClientKey())
        #expect(answer.status == .ok && answer.json["scope"] == "qarnot:execute" && answer.json["refresh_token"] == nil)
        #expect(answer.event("token.issued")?.subject == "ada")
    }

    @Test func `what a sign-in must show, an assertion must show too (JAG-2, OP-5)`() async throws {
        let world = try await world()
        let key = try ClientKey()
        var demanding = Self.provider
        demanding.demands.tenant = "t1"
        demanding.demands.groups = ["ops"]
        func reason(_ change: (inout JSONObject) -> Void) async throws -> String? {
            let answer = try await present(world, key, providers: [demanding], change)
            return answer.status == .ok ? nil : answer.events.first?.reason
        }
        #expect(try await reason { $0["tid"] = "t1" } == "JAG-1 groups")
        #expect(try await reason { $0["groups"] = ["ops"] } == "JAG-1 tenant")
        #expect(
            try await reason { claims in
                claims["tid"] = "t1"
                claims["groups"] = ["ops"]
            } == nil)
    }

    @Test func `an assertion with a fault is invalid_grant and issues nothing`() async throws {
        let world = try await world()
        let key = try ClientKey()
        let now = world.now.seconds
        func reason(_ type: String = "oauth-id-jag+jwt", _ change: (inout JSONObject) -> Void = { _ in }) async throws -> String? {
            let answer = try await present(world, key, type: type, change)
            #expect(answer.status == .badRequest && answer.error == "invalid_grant")
            return answer.events.first?.reason
        }
        #expect(try await reason("JWT") == "JAG-1 typ")
        #expect(try await reason { $0["iss"] = "https://evil.example" } == "JAG-1 iss")
        #expect(try await reason { $0["aud"] = "https://other.example" } == "JAG-1 aud")
        #expect(try await reason { $0["aud"] = [.string(World.issuer), "https://other.example"] } == "JAG-1 aud")
        #expect(try await reason { $0["client_id"] = "basic" } == "JAG-1 client_id")
        #expect(try await reason { $0["exp"] = .int(now + 301) } == "JAG-1 lifetime")
        #expect(try await reason { $0["exp"] = .int(now - 31) } == "JAG-1 exp")
        #expect(try await reason { $0["jti"] = nil } == "JAG-1 jti")
        #expect(try await reason { $0["authorization_details"] = [] } == "JAG-1 authorization_details")
        #expect(try await reason { $0["cnf"] = ["jkt": "other"] } == "JAG-1 cnf")
        #expect(try await reason { $0["preferred_username"] = "nobody" } == "JAG-1 no account")
        let other = try await present(world, key) { $0["resource"] = "https://other.example/mcp" }
        #expect(other.error == "invalid_target")
    }

    @Test func `another key, a replay, a public client and a provider that is not accepted are refused`() async throws {
        let world = try await world()
        let key = try ClientKey()
        let claims: JSONValue = [
            "iss": "https://idp.example", "sub": "77", "aud": .string(World.issuer), "client_id": "post", "jti": "one",
            "iat": .int(world.now.seconds), "exp": .int(world.now.seconds + 60), "preferred_username": "ada",
        ]
        let assertion = try key.key.sign(claims, type: "oauth-id-jag+jwt")
        #expect(await send(world, key, assertion, "post", [Self.provider]).status == .ok)
        #expect(await send(world, key, assertion, "post", [Self.provider]).error == "invalid_grant")
        let forged = try ClientKey().key.sign(claims, type: "oauth-id-jag+jwt")
        #expect(await send(world, key, forged, "post", [Self.provider]).error == "invalid_grant")
        #expect(try await present(world, key, client: "app").error == "unauthorized_client")
        #expect(try await present(world, key, providers: []).error == "invalid_grant", "a provider that was removed")
        let off = try await World()
        #expect(try await present(off, key).error == "unsupported_grant_type")
    }
}

/// Who a provider's people are here (OP-5).
extension AssertionGrantTests {
    private static func named(_ name: String, issuer: String, links: Bool = false) -> IdentityProvider {
        IdentityProvider(
            name: name, title: name, issuer: issuer, clientID: "gate", clientSecret: nil, userClaim: "preferred_username",
            linksExisting: links, newUserRole: .viewer, acceptsAssertions: true)
    }

    private func account(_ world: World, _ provider: IdentityProvider, _ subject: String, _ name: String) async throws -> User? {
        let federation = FederatedLogin(
            providers: [provider], world.server, directory: ScriptedDirectory(set: [:]), identities: world.identities,
            security: world.security, stateKey: Secret([UInt8](repeating: 3, count: 32)))
        let claims = JSONObject([("sub", .string(subject)), ("preferred_username", .string(name))])
        return try await federation.account(claims, provider, at: world.now)
    }

    @Test func `what one provider linked no other takes over by the name, and nobody one with a password`() async throws {
        let world = try await world()
        let first = Self.named("one", issuer: "https://one.example")
        let second = Self.named("two", issuer: "https://two.example")
        let grace = try #require(try await account(world, first, "1", "grace"))
        #expect(try await account(world, first, "1", "renamed")?.id == grace.id, "issuer and subject are who it is")
        #expect(try await account(world, first, "2", "grace") == nil, "another subject of the same provider")
        #expect(try await account(world, second, "1", "grace") == nil, "another provider")
        #expect(try await account(world, first, "3", "ada") == nil, "ada has a password")
        let trusted = Self.named("two", issuer: "https://two.example", links: true)
        #expect(try await account(world, trusted, "3", "ada")?.id == User.ada.id)
        #expect(try await account(world, first, "4", "Not A Name") == nil)
    }
}

/// A provider whose keys are at hand.
private struct ScriptedDirectory: ProviderDirectory {
    let set: JSONValue

    func metadata(of provider: IdentityProvider) async throws(MetadataFetchError) -> ProviderMetadata {
        throw MetadataFetchError(reason: "not asked", isBlocked: false)
    }
    func keySet(of provider: IdentityProvider, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue { set }
    func redeem(_ form: [(String, String)], at provider: IdentityProvider) async throws(MetadataFetchError) -> JSONValue {
        throw MetadataFetchError(reason: "not asked", isBlocked: false)
    }
}
