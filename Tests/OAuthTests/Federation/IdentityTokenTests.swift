import Crypto
import HTTP
import Primitives
import Testing

@testable import OAuth

/// What a provider's tokens must say, beyond its signature (OP-4, OP-5, OP-7).
struct IdentityTokenTests {
    private static let provider = IdentityProvider(
        name: "corp", title: "Corp", issuer: "https://idp.example", clientID: "gate", clientSecret: nil,
        userClaim: "preferred_username", linksExisting: true, newUserRole: nil, acceptsAssertions: false)

    private func claims(_ now: Timestamp, _ more: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject([
            ("iss", "https://idp.example"), ("sub", "77"), ("aud", "gate"), ("iat", .int(now.seconds)),
            ("exp", .int(now.seconds + 120)),
        ])
        for (name, value) in more { object[name] = value }
        return .object(object)
    }

    @Test func `at_hash ties the ID token to its access token (OP-4)`() async throws {
        let key = try ClientKey()
        func fault(_ hash: JSONValue?, _ access: String?) async throws -> String? {
            let more = [("nonce", "n")] + (hash.map { [("at_hash", $0)] } ?? [])
            let token = try key.key.sign(claims(.at(0), more), type: "JWT")
            do throws(IdentityToken.Refusal) {
                _ = try await IdentityToken(directory: OneKeyDirectory(set: key.set))
                    .verify(token, from: Self.provider, nonce: "n", accessToken: access, at: .at(0))
                return nil
            } catch { return error.fault }
        }
        let right = JSONValue.string(Base64.encode(SHA256.digest(Array("token".utf8)).prefix(16)))
        #expect(try await fault(right, "token") == nil)
        #expect(try await fault(nil, "token") == nil, "it may be left out")
        #expect(try await fault(right, "another") == "at_hash")
        #expect(try await fault(right, nil) == "at_hash")
        #expect(try await fault(7, "token") == "at_hash")
    }

    @Test(
        arguments: [
            (#"{"tid":"t1","acr":"mfa","groups":["ops","all"]}"#, nil), (#"{"acr":"mfa","groups":["ops"]}"#, "tenant"),
            (#"{"tid":"t2","acr":"mfa","groups":["ops"]}"#, "tenant"), (#"{"tid":"t1","groups":["ops"]}"#, "acr"),
            (#"{"tid":"t1","acr":"pwd","groups":["ops"]}"#, "acr"), (#"{"tid":"t1","acr":"mfa"}"#, "groups"),
            (#"{"tid":"t1","acr":"mfa","groups":["others"]}"#, "groups"), (#"{"tid":"t1","acr":"mfa","groups":"ops"}"#, "groups"),
            (#"{"tid":"t1","acr":"mfa","groups":["ops",7]}"#, "groups"),
            (#"{"tid":"t1","acr":"mfa","groups":{"ops":true}}"#, "groups"),
        ] as [(String, String?)])
    func `tenant, assurance and groups are as demanded, or nobody comes in (OP-4, OP-5, AZ-15)`(_ text: String, _ fault: String?)
        throws
    {
        var demands = IdentityProvider.Demands()
        demands.tenant = "t1"
        demands.assurances = ["mfa"]
        demands.groups = ["ops"]
        let claims = try #require(try JSONValue(parsing: Array(text.utf8)).object)
        #expect(demands.fault(in: claims) == fault)
        #expect(IdentityProvider.Demands().fault(in: claims) == nil)
    }

    private static let event: JSONValue = ["http://schemas.openid.net/event/backchannel-logout": [:]]

    private func logOut(
        _ world: World, _ key: ClientKey, type: String = "logout+jwt", _ change: [(String, JSONValue)] = []
    ) async throws -> Response {
        let base: [(String, JSONValue)] = [("events", Self.event), ("jti", .string(Random.text(16)))]
        let token = try key.key.sign(claims(world.now, base + change), type: type)
        return await world.answer(.form("/backchannel_logout/corp", [("logout_token", token)])) { world in
            BackchannelLogoutEndpoint(
                world.server,
                federation: FederatedLogin(
                    providers: [Self.provider], world.server, directory: OneKeyDirectory(set: key.set),
                    identities: world.identities, security: world.security, stateKey: Secret([UInt8](repeating: 3, count: 32))))
        }
    }

    @Test func `signing out at the provider ends sessions and families here (OP-7)`() async throws {
        let world = try await World()
        try await world.identities.link(issuer: "https://idp.example", subject: "77", to: User.ada.id, at: world.now)
        _ = try await Browser.signedIn(world)
        let tokens = try await world.tokens()
        let answer = try await logOut(world, ClientKey())
        #expect(answer.status == .ok && answer.isUncached && answer.event("session.revoked")?.subject == "ada")
        #expect(try await world.sessions.sessions(of: User.ada.id, at: world.now).isEmpty)
        #expect(await world.refresh(tokens.refresh).error == "invalid_grant")
    }

    @Test func `a logout token with a fault ends nothing (OP-7)`() async throws {
        let world = try await World()
        try await world.identities.link(issuer: "https://idp.example", subject: "77", to: User.ada.id, at: world.now)
        let key = try ClientKey()
        func reason(_ change: [(String, JSONValue)], type: String = "logout+jwt") async throws -> String? {
            let answer = try await logOut(world, key, type: type, change)
            #expect(answer.status == .badRequest && answer.error == "invalid_request")
            return answer.events.first?.reason
        }
        #expect(try await reason([], type: "JWT") == "OP-7 typ")
        #expect(try await reason([("iss", "https://evil.example")]) == "OP-7 iss")
        #expect(try await reason([("aud", "another")]) == "OP-7 aud")
        #expect(try await reason([("nonce", "n")]) == "OP-7 nonce")
        #expect(try await reason([("events", [:])]) == "OP-7 events")
        #expect(try await reason([("jti", 7)]) == "OP-7 jti")
        #expect(try await reason([("exp", .int(world.now.seconds - 60))]) == "OP-7 exp")
        let tokens = try await world.tokens()
        #expect(try await logOut(world, key, [("jti", "once")]).status == .ok)
        #expect(try await reason([("jti", "once")]) == "OP-7 replay")
        #expect(await world.refresh(tokens.refresh).error == "invalid_grant")
        #expect(try await logOut(world, key, [("sub", "nobody here")]).status == .ok, "who has an account is not told")
    }

    @Test func `who came by a disabled provider alone is out, who has another way in is not (OP-7)`() async throws {
        let world = try await World()
        let ben = User(id: UserID("u-ben"), name: "ben", role: .viewer, isDisabled: false, createdAt: .at(0))
        try await world.users.insert(ben, passwordHash: nil)
        for user in [User.ada, ben] {
            try await world.identities.link(issuer: "https://idp.example", subject: user.name, to: user.id, at: world.now)
        }
        let tokens = try await world.tokens()
        #expect(try await world.identities.endUsers(withoutAny: ["https://idp.example"], at: world.now) == [])
        #expect(try await world.identities.endUsers(withoutAny: [], at: world.now) == [], "nothing of ben's is left to end")
        let session = BrowserSession(
            userID: ben.id, authenticatedAt: world.now, idleUntil: world.now + .seconds(60), endsAt: world.now + .seconds(60),
            address: "192.0.2.1", userAgent: "")
        try await world.sessions.insert(session, under: world.hasher.digest(of: "ben"))
        #expect(try await world.identities.endUsers(withoutAny: ["https://other.example"], at: world.now) == ["ben"])
        #expect(try await world.sessions.sessions(of: ben.id, at: world.now).isEmpty)
        #expect(await world.refresh(tokens.refresh).status == .ok, "ada has a password")
    }
}

private struct OneKeyDirectory: ProviderDirectory {
    let set: JSONValue

    func metadata(of provider: IdentityProvider) async throws(MetadataFetchError) -> ProviderMetadata {
        throw MetadataFetchError(reason: "not asked", isBlocked: false)
    }
    func keySet(of provider: IdentityProvider, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue { set }
    func redeem(_ form: [(String, String)], at provider: IdentityProvider) async throws(MetadataFetchError) -> JSONValue {
        throw MetadataFetchError(reason: "not asked", isBlocked: false)
    }
}
