import HTTP
import Primitives
import Testing

@testable import OAuth

/// `private_key_jwt` (RFC 7523; AUTH-3).
struct PrivateKeyTests {
    private func redeem(_ world: World, _ assertion: String, _ more: [(String, String)] = [], fields: Fields = []) async throws
        -> Response
    {
        let code = try await world.code(for: .keyed(.set([:])), grant: "g" + String(Int.random(in: 0..<1_000_000)))
        return await world.answer(
            .form(
                "/token",
                [
                    ("grant_type", "authorization_code"), ("code", code), ("code_verifier", World.verifier),
                    ("client_assertion_type", AssertionVerifier.type), ("client_assertion", assertion),
                ] + more, fields), by: \.tokenEndpoint)
    }

    @Test func `a signed assertion to our issuer authenticates once and never again`() async throws {
        let world = try await World()
        let key = try ClientKey()
        try await world.clients.insert(.keyed(.set(key.set)))
        let assertion = try key.assertion(of: "keyed", to: .string(World.issuer), at: world.now)
        #expect(try await redeem(world, assertion).status == .ok)
        let again = try await redeem(world, assertion)
        #expect(again.status == .unauthorized && again.error == "invalid_client")
        #expect(again.event("clientauth.failed")?.reason == "AUTH-3 used before")
        let other = try key.assertion(of: "keyed", to: .string(World.issuer + "/token"), at: world.now)
        #expect(try await redeem(world, other).status == .ok)
    }

    @Test func `an assertion with a fault is invalid_client, and nothing is consumed`() async throws {
        let world = try await World()
        let key = try ClientKey()
        try await world.clients.insert(.keyed(.set(key.set)))
        let now = world.now
        let faults: [(String, String)] = [
            ("aud", try key.assertion(of: "keyed", to: ["https://gate.example"], at: now)),
            ("aud", try key.assertion(of: "keyed", to: "https://other.example", at: now)),
            ("iss", try key.assertion(of: "keyed", to: .string(World.issuer), at: now) { $0["sub"] = "app" }),
            ("exp", try key.assertion(of: "keyed", to: .string(World.issuer), at: now) { $0["exp"] = .int(now.seconds - 60) }),
            ("exp", try key.assertion(of: "keyed", to: .string(World.issuer), at: now) { $0["exp"] = .int(now.seconds + 3600) }),
            ("iat", try key.assertion(of: "keyed", to: .string(World.issuer), at: now) { $0["iat"] = .int(now.seconds - 900) }),
            ("jti", try key.assertion(of: "keyed", to: .string(World.issuer), at: now) { $0["jti"] = nil }),
            ("signature", try ClientKey().assertion(of: "keyed", to: .string(World.issuer), at: now)),
        ]
        for (reason, assertion) in faults {
            let answer = try await redeem(world, assertion)
            #expect(answer.status == .unauthorized && answer.error == "invalid_client", "\(reason)")
            #expect(answer.event("clientauth.failed")?.reason == "AUTH-3 " + reason)
        }
    }

    @Test func `another way of authentication beside an assertion is invalid_request (AUTH-1)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        try await world.clients.insert(.keyed(.set(key.set)))
        let assertion = try key.assertion(of: "keyed", to: .string(World.issuer), at: world.now)
        #expect(try await redeem(world, assertion, [("client_secret", World.secret)]).error == "invalid_request")
    }

    @Test func `a client of another method is not let in by an assertion, nor this one without (CLI-4)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        try await world.clients.insert(.keyed(.set(key.set)))
        let assertion = try key.assertion(of: "app", to: .string(World.issuer), at: world.now)
        #expect(try await redeem(world, assertion).error == "invalid_client")
        #expect(await world.token([("grant_type", "refresh_token"), ("client_id", "keyed")]).error == "invalid_client")
    }

    @Test func `keys at a URL are asked again when the key id is not known (AUTH-3)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        try await world.clients.insert(.keyed(.uri("https://app.example/keys")))
        let missing = try await redeem(world, key.assertion(of: "keyed", to: .string(World.issuer), at: world.now))
        #expect(missing.error == "invalid_client")
        world.keySets.put(["keys": []], at: "https://app.example/keys")
        _ = try await redeem(world, key.assertion(of: "keyed", to: .string(World.issuer), at: world.now))
        #expect(world.keySets.lastAsked == "https://app.example/keys again")
        world.keySets.put(key.set, at: "https://app.example/keys")
        #expect(try await redeem(world, key.assertion(of: "keyed", to: .string(World.issuer), at: world.now)).status == .ok)
    }
}
