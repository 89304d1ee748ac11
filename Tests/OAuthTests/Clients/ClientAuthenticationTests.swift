import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct ClientAuthenticationTests {
    private let wrong = TokenFormat.mint(.clientSecret).exposeText()

    private func basic(_ id: String, _ secret: String) -> Fields {
        [(.authorization, "Basic " + Base64.encode(Array("\(id):\(secret)".utf8), .standard))]
    }

    /// The answer of `/token` up to the grant: `unsupported_grant_type` shows that the client was accepted.
    private func answer(_ parameters: [(String, String)], _ fields: Fields = []) async throws -> Response {
        try await World().answer(.form("/token", parameters + [("grant_type", "x")], fields), by: \.tokenEndpoint)
    }

    @Test func `each client is accepted by its own method (AUTH-1)`() async throws {
        #expect(try await answer([("client_id", "app")]).error == "unsupported_grant_type")
        #expect(try await answer([("client_id", "post"), ("client_secret", World.secret)]).error == "unsupported_grant_type")
        #expect(try await answer([], basic("basic", World.secret)).error == "unsupported_grant_type")
        #expect(try await answer([("client_id", "basic")], basic("basic", World.secret)).error == "unsupported_grant_type")
    }

    @Test func `each half of Basic is form-encoded, and the scheme's case is free (RFC 6749 §2.3.1)`() async throws {
        let encoded = "BASIC " + Base64.encode(Array("b%61sic:\(World.secret)".utf8), .standard)
        #expect(try await answer([], [(.authorization, encoded)]).error == "unsupported_grant_type")
    }

    @Test func `unknown, deleted and wrong get one answer (AUTH-2)`() async throws {
        let refusals = [
            try await answer([("client_id", "nobody")]), try await answer([("client_id", "post"), ("client_secret", wrong)]),
            try await answer([]), try await answer([("client_id", "post"), ("client_secret", "garbage")]),
        ]
        for refusal in refusals {
            #expect(refusal.status == .unauthorized && refusal.error == "invalid_client" && refusal.isUncached)
            #expect(refusal.text == refusals[0].text)
            #expect(!refusal.fields.contains(.wwwAuthenticate))
        }
    }

    @Test func `where Basic was tried the challenge offers Basic (AUTH-2)`() async throws {
        let refusal = try await answer([], basic("basic", wrong))
        #expect(refusal.status == .unauthorized)
        #expect(refusal.fields[.wwwAuthenticate]?.hasPrefix("Basic realm=") == true)
    }

    @Test func `the registered method is enforced exactly (CLI-4)`() async throws {
        let refusals = [
            try await answer([("client_id", "app"), ("client_secret", World.secret)]),  // a public client with a secret
            try await answer([], basic("app", "")), try await answer([], basic("post", World.secret)),
            try await answer([("client_id", "basic"), ("client_secret", World.secret)]), try await answer([("client_id", "post")]),
            try await answer([("client_id", "basic")]),
        ]
        for refusal in refusals { #expect(refusal.status == .unauthorized && refusal.error == "invalid_client") }
    }

    @Test func `two methods in one request are invalid_request (AUTH-1)`() async throws {
        let refusal = try await answer([("client_id", "basic"), ("client_secret", World.secret)], basic("basic", World.secret))
        #expect(refusal.status == .badRequest && refusal.error == "invalid_request")
    }

    @Test func `another client_id in the body than in Basic is refused`() async throws {
        #expect(try await answer([("client_id", "app")], basic("basic", World.secret)).error == "invalid_client")
    }

    @Test(arguments: ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "Basic YTpi extra", "Basic JTp4"])
    func `a malformed Authorization is 401 (AUTH-1)`(_ value: String) async throws {
        #expect(try await answer([("client_id", "app")], [(.authorization, value)]).error == "invalid_client")
    }

    @Test func `two Authorization lines are refused`() async throws {
        var fields = basic("basic", World.secret)
        fields.append(.authorization, "Basic eDp5")
        #expect(try await answer([], fields).error == "invalid_client")
    }

    @Test(arguments: ["client_id", "client_secret", "grant_type"])
    func `a repeated parameter is invalid_request (COM-3)`(_ name: String) async throws {
        let refusal = try await answer([("client_id", "app"), (name, "x"), (name, "y")])
        #expect(refusal.status == .badRequest && refusal.error == "invalid_request")
    }

    @Test func `nothing may stand in the URL (COM-3)`() async throws {
        var request = Request.form("/token", [("grant_type", "refresh_token"), ("client_id", "app")])
        request.query = "client_secret=x"
        #expect(try await World().answer(request, by: \.tokenEndpoint).error == "invalid_request")
    }

    @Test(arguments: ["application/json", "text/plain", "application/x-www-form-urlencoded, text/plain", ""])
    func `another media type is invalid_request (COM-4)`(_ type: String) async throws {
        var request = Request.form("/token", [("grant_type", "refresh_token"), ("client_id", "app")])
        request.fields.set(.contentType, type)
        let refusal = try await World().answer(request, by: \.tokenEndpoint)
        #expect(refusal.status == .badRequest && refusal.error == "invalid_request" && refusal.isUncached)
    }

    @Test func `GET is not allowed (COM-2)`() async throws {
        let refusal = try await World().answer(.get("/token"), by: \.tokenEndpoint)
        #expect(refusal.status == .methodNotAllowed && refusal.fields[.allow] != nil)
    }

    @Test func `grant_type is required and must be known (TOK-3)`() async throws {
        let world = try await World()
        let missing = await world.answer(.form("/token", [("client_id", "app")]), by: \.tokenEndpoint)
        #expect(missing.status == .badRequest && missing.error == "invalid_request")
        #expect(await world.token([("grant_type", "password")]).error == "unsupported_grant_type")
    }
}
