import Crypto
import HTTP
import Primitives
import Testing

@testable import OAuth

/// Demonstrating proof of possession (RFC 9449; DP-1 to DP-3, RS-6).
struct DPoPTests {
    private static let tokenURL = World.issuer + "/token"
    private static let resourceURL = World.issuer + "/mcp"

    private func redeem(_ world: World, _ code: String, proof: String?) async -> Response {
        await world.token(
            [("grant_type", "authorization_code"), ("code", code)], fields: proof.map { [(.dpop, $0)] } ?? [])
    }

    private func call(_ world: World, _ scheme: String, _ token: String, proof: String?) async -> ResourceServer.Verdict {
        var fields: Fields = [(.authorization, scheme + " " + token)]
        if let proof { fields.append(.dpop, proof) }
        let request = Request(method: .post, path: "/mcp", fields: fields)
        let verdict = await world.resourceServer.authenticate(request, for: world.settings.resources[0], in: .sample)
        return withExtendedLifetime(world) { verdict }
    }

    private func isCaller(_ verdict: ResourceServer.Verdict) -> Bool { if case .caller = verdict { true } else { false } }

    @Test func `a token bought with a proof is worth something only with a proof of the same key`() async throws {
        let world = try await World()
        let key = try ClientKey()
        let answer = await redeem(world, try await world.code(), proof: try key.proof("POST", Self.tokenURL, at: world.now))
        #expect(answer.status == .ok && answer.json["token_type"] == "DPoP")
        let token = try #require(answer.json["access_token"]?.string)
        #expect(
            isCaller(await call(world, "DPoP", token, proof: try key.proof("POST", Self.resourceURL, at: world.now, token: token))))
        #expect(!isCaller(await call(world, "Bearer", token, proof: nil)), "a bound token as Bearer")
        #expect(!isCaller(await call(world, "DPoP", token, proof: nil)))
        let thief = try ClientKey()
        let stolen = try thief.proof("POST", Self.resourceURL, at: world.now, token: token)
        guard case .refused(let refusal, let isUnauthorized) = await call(world, "DPoP", token, proof: stolen) else {
            Issue.record("a thief's key was accepted")
            return
        }
        #expect(isUnauthorized && refusal.status == .unauthorized)
        #expect(refusal.fields[.wwwAuthenticate]?.hasPrefix("DPoP error=\"invalid_dpop_proof\", algs=\"ES256") == true)
    }

    @Test func `a proof with a fault is invalid_dpop_proof and the code lives on (DP-1)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        let now = world.now
        let code = try await world.code()
        let proofs = [
            try key.proof("GET", Self.tokenURL, at: now), try key.proof("POST", "https://evil.example/token", at: now),
            try key.proof("POST", World.issuer + "/par", at: now),
            try key.proof("POST", Self.tokenURL, at: now + .seconds(61)),
            try key.proof("POST", Self.tokenURL, at: now + .seconds(-61)),
            try key.proof("POST", Self.tokenURL, at: now) { $0["jti"] = nil },
            try key.proof("POST", Self.tokenURL, at: now, jti: String(repeating: "j", count: 129)),
            try key.proof("POST", Self.tokenURL, at: now) + "x", "nonsense",
            try key.key.sign(["htm": "POST"], type: "dpop+jwt"),
        ]
        for proof in proofs {
            let answer = await redeem(world, code, proof: proof)
            #expect(answer.status == .badRequest && answer.error == "invalid_dpop_proof")
        }
        let two = await world.token(
            [("grant_type", "authorization_code"), ("code", code)],
            fields: [
                (.dpop, try key.proof("POST", Self.tokenURL, at: now)), (.dpop, try key.proof("POST", Self.tokenURL, at: now)),
            ])
        #expect(two.error == "invalid_dpop_proof")
        #expect(await redeem(world, code, proof: try key.proof("POST", Self.tokenURL + "?q=1#f", at: now)).status == .ok)
    }

    @Test func `a proof counts once, even after a restart (DP-1)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        let proof = try key.proof("POST", Self.tokenURL, at: world.now)
        #expect(await redeem(world, try await world.code(grant: "g1"), proof: proof).status == .ok)
        #expect(await redeem(world, try await world.code(grant: "g2"), proof: proof).error == "invalid_dpop_proof")
    }

    @Test func `a code asked for with a key is redeemed with that key alone (CODE-7)`() async throws {
        let world = try await World()
        let (key, other) = (try ClientKey(), try ClientKey())
        let code = try await world.code(dpopKey: key.thumbprint)
        #expect(await redeem(world, code, proof: nil).error == "invalid_grant")
        #expect(await redeem(world, code, proof: try other.proof("POST", Self.tokenURL, at: world.now)).error == "invalid_grant")
        #expect(await redeem(world, code, proof: try key.proof("POST", Self.tokenURL, at: world.now)).status == .ok)
    }

    @Test func `a public client's refresh tokens are bound to the key of the code exchange (DP-3)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        let first = await redeem(world, try await world.code(), proof: try key.proof("POST", Self.tokenURL, at: world.now))
        let refresh = try #require(first.json["refresh_token"]?.string)
        func attempt(_ proof: String?) async -> Response {
            await world.token(
                [("grant_type", "refresh_token"), ("refresh_token", refresh)], fields: proof.map { [(.dpop, $0)] } ?? [])
        }
        #expect(await attempt(nil).error == "invalid_grant")
        #expect(await attempt(try ClientKey().proof("POST", Self.tokenURL, at: world.now)).error == "invalid_grant")
        let answer = await attempt(try key.proof("POST", Self.tokenURL, at: world.now))
        #expect(answer.status == .ok && answer.json["token_type"] == "DPoP")
    }

    @Test func `an unbound token does not become better by a proof (RS-6)`() async throws {
        let world = try await World()
        let key = try ClientKey()
        let token = try await world.tokens().access
        let proof = try key.proof("POST", Self.resourceURL, at: world.now, token: token)
        #expect(!isCaller(await call(world, "DPoP", token, proof: proof)))
        #expect(isCaller(await call(world, "Bearer", token, proof: nil)))
    }
}
