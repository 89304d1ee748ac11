import Crypto
import HTTP
import Primitives
import Testing

@testable import OAuth

/// JWT access tokens (RFC 9068; FMT-4, JWKS-1) and JWTs of configured issuers.
struct JWTTokenTests {
    private static let resource = World.issuer + "/mcp"

    private func authenticate(
        _ world: World, _ token: String, trusting issuers: [TrustedIssuer] = []
    ) async -> ResourceServer.Verdict {
        let request = Request(method: .post, path: "/mcp", fields: [(.authorization, "Bearer " + token)])
        let server = world.resourceServer(trusting: issuers)
        let verdict = await server.authenticate(request, for: world.settings.resources[0], in: .sample)
        return withExtendedLifetime(world) { verdict }
    }

    private func caller(_ verdict: ResourceServer.Verdict) -> Principal? {
        if case .caller(let principal) = verdict { principal } else { nil }
    }

    private func reason(_ verdict: ResourceServer.Verdict) -> String? {
        if case .refused(let response, _) = verdict { response.event("token.rejected")?.reason } else { nil }
    }

    @Test func `a JWT has the claims of RFC 9068, verifies with the published key and lives ten minutes`() async throws {
        let world = try await World { $0.jwtResources = [Self.resource] }
        let answer = await world.token([("grant_type", "authorization_code"), ("code", try await world.code())])
        let token = try #require(answer.json["access_token"]?.string)
        #expect(answer.json["expires_in"] == 600)
        let jws = try JSONWebSignature(compact: token)
        let published = await world.answer(.get("/jwks.json")) { KeySetEndpoint(keyring: $0.keyring) }
        let json = try #require(published.json["keys"]?.array?.first)
        let key = try JSONWebKey(json)
        #expect(jws.isSigned(by: key) && jws.type == "at+jwt" && jws.header["kid"]?.string == key.thumbprint)
        #expect(published.fields[.cacheControl] == "public, max-age=900")
        let claims = jws.payload
        #expect(claims["iss"]?.string == World.issuer && claims["aud"]?.string == Self.resource && claims["sub"] == "u-ada")
        #expect(claims["client_id"] == "app" && claims["scope"] == "qarnot:read qarnot:execute" && claims["jti"]?.string != nil)
        #expect(caller(await authenticate(world, token))?.username == "ada")
    }

    @Test func `a JWT is revoked as soon as its grant is, and a refresh brings another JWT`() async throws {
        let world = try await World { $0.jwtResources = [Self.resource] }
        let (access, refresh) = try await world.tokens()
        let next = await world.refresh(refresh)
        let later = try #require(next.json["access_token"]?.string)
        #expect(later.hasPrefix("eyJ"))
        #expect(await world.answer(.form("/revoke", [("client_id", "app"), ("token", access)]), by: \.revocation).status == .ok)
        #expect(reason(await authenticate(world, access)) == "revoked")
        world.advance(.seconds(601))
        #expect(reason(await authenticate(world, later)) == "expired")
    }

    @Test func `altered, foreign, unsigned and confused tokens are refused`() async throws {
        let world = try await World { $0.jwtResources = [Self.resource] }
        let access = try await world.tokens().access
        let parts = access.split(separator: ".")
        let claims = try #require(Base64.decode(parts[1]))
        let richer = Base64.encode(
            Array(String(decoding: claims, as: UTF8.self).replacing("qarnot:execute", with: "qarnot:admin").utf8))
        let none = Base64.encode(Array(#"{"alg":"none","typ":"at+jwt"}"#.utf8))
        let shared = Base64.encode(Array(#"{"alg":"HS256","typ":"at+jwt"}"#.utf8))
        let stranger = try ClientKey().key.sign(try JSONValue(parsing: claims), type: "at+jwt")
        for token in [
            "\(parts[0]).\(richer).\(parts[2])", "\(none).\(parts[1]).", "\(shared).\(parts[1]).\(parts[2])", stranger,
            try world.keyring.sign(JSONValue(parsing: claims), type: "JWT", at: world.now) ?? "",
        ] {
            #expect(caller(await authenticate(world, token)) == nil)
        }
        // Rightly signed by ours and never issued: the store does not know it.
        let signed = world.keyring.sign(try JSONValue(parsing: claims), type: "at+jwt", at: world.now)
        let invented = try #require(signed)
        #expect(reason(await authenticate(world, invented)) == "unknown")
    }

    @Test func `keys are published before they sign and kept until their last token has ended (KEY-1)`() async throws {
        let world = try await World { $0.jwtResources = [Self.resource] }
        let first = try #require(world.keyring.active(at: world.now)?.keyID)
        world.advance(.seconds(91 * 86_400))
        try await world.keyring.refresh(at: world.now)
        #expect(world.keyring.document["keys"]?.array?.count == 2)
        #expect(world.keyring.active(at: world.now)?.keyID == first, "verifiers do not know the new one yet")
        world.advance(.seconds(1800))
        #expect(world.keyring.active(at: world.now)?.keyID != first)
        try await world.keyring.refresh(at: world.now)
        #expect(world.keyring.key(first) != nil)
        world.advance(.seconds(1000))
        try await world.keyring.refresh(at: world.now)
        #expect(world.keyring.key(first) == nil && world.keyring.document["keys"]?.array?.count == 1)
    }

    @Test func `in an emergency one key is left, and nothing issued before stands (KEY-1)`() async throws {
        let world = try await World { $0.jwtResources = [Self.resource] }
        let (access, refresh) = try await world.tokens()
        let first = try #require(world.keyring.active(at: world.now)?.keyID)
        let made = try await world.keyring.replaceAll(at: world.now)
        #expect(!(try await world.accepts(access)), "by the store, before this process looked at its keys")
        try await world.keyring.refresh(at: world.now)
        #expect(world.keyring.key(first) == nil && world.keyring.states(at: world.now).map(\.state) == [.active])
        let next = await world.refresh(refresh)
        #expect(next.status == .ok, "clients go on by themselves")
        let jws = try JSONWebSignature(compact: try #require(next.json["access_token"]?.string))
        #expect(jws.header["kid"]?.string == made)
    }

    @Test func `a key says where it stands, and one that cannot wait signs at once (KEY-1)`() async throws {
        let world = try await World { $0.jwtResources = [Self.resource] }
        world.advance(.seconds(3600))
        let limit = world.now
        try await world.keyring.rotate(at: world.now, unlessNewerThan: limit)
        try await world.keyring.refresh(at: world.now)
        #expect(world.keyring.states(at: world.now).map(\.state) == [.active, .next])
        world.advance(.seconds(60))
        let urgent = try await world.keyring.rotate(at: world.now, unlessNewerThan: world.now, isImmediate: true)
        try await world.keyring.refresh(at: world.now)
        #expect(world.keyring.active(at: world.now)?.keyID == urgent)
        #expect(world.keyring.states(at: world.now).map(\.state) == [.retiring, .retiring, .active])
        #expect(try await world.keyring.rotate(at: world.now, unlessNewerThan: limit) == nil, "another process was first")
    }

    // MARK: - Other issuers

    private static let trusted = TrustedIssuer(
        issuer: "https://idp.example", keySetURL: "https://idp.example/keys", userClaim: "preferred_username", defaultScopes: nil)

    private func foreign(
        _ key: ClientKey, at now: Timestamp, type: String = "at+jwt", _ change: (inout JSONObject) -> Void = { _ in }
    ) throws -> String {
        var claims = JSONObject([
            ("iss", "https://idp.example"), ("sub", "77"), ("aud", .string(Self.resource)), ("exp", .int(now.seconds + 300)),
            ("iat", .int(now.seconds)), ("scope", "qarnot:read openid"), ("preferred_username", "ada"),
        ])
        change(&claims)
        return try key.key.sign(.object(claims), type: type)
    }

    @Test func `a JWT of a configured issuer is its user here, with the scopes it names`() async throws {
        let world = try await World()
        let key = try ClientKey()
        world.keySets.put(key.set, at: "https://idp.example/keys")
        let principal = caller(await authenticate(world, try foreign(key, at: world.now), trusting: [Self.trusted]))
        #expect(principal?.username == "ada" && principal?.scopes.description == "qarnot:read")
        #expect(principal?.credential == .foreignToken)
        #expect(caller(await authenticate(world, try foreign(key, at: world.now))) == nil, "nobody is trusted by default")
    }

    @Test func `another audience, time, issuer, type, user or key is refused`() async throws {
        let world = try await World()
        let key = try ClientKey()
        world.keySets.put(key.set, at: "https://idp.example/keys")
        let now = world.now
        let faults: [(String, String)] = [
            ("audience", try foreign(key, at: now) { $0["aud"] = "https://other.example/" }),
            ("audience", try foreign(key, at: now) { $0["aud"] = [.string(Self.resource), "https://other.example/"] }),
            ("expired", try foreign(key, at: now) { $0["exp"] = .int(now.seconds - 31) }),
            ("expired", try foreign(key, at: now) { $0["exp"] = nil }),
            ("nbf", try foreign(key, at: now) { $0["nbf"] = .int(now.seconds + 60) }),
            ("issuer", try foreign(key, at: now) { $0["iss"] = "https://evil.example" }),
            ("type", try foreign(key, at: now, type: "logout+jwt")),
            ("user claim", try foreign(key, at: now) { $0["preferred_username"] = nil }),
            ("user", try foreign(key, at: now) { $0["preferred_username"] = "nobody" }),
            ("signature", try foreign(ClientKey(), at: now)),
        ]
        for (word, token) in faults {
            #expect(reason(await authenticate(world, token, trusting: [Self.trusted])) == word)
        }
        try await world.users.setDisabled(true, of: User.ada.id, at: now)
        #expect(reason(await authenticate(world, try foreign(key, at: now), trusting: [Self.trusted])) == "user")
    }
}
