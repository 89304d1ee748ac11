import HTTP
import Primitives
import Testing

@testable import OAuth

/// The device authorization grant (RFC 8628; DEV-1).
struct DeviceGrantTests {
    private func world() async throws -> World {
        let world = try await World()
        try await world.clients.insert(
            .sample("tv", redirectURIs: [], grantTypes: [DeviceAuthorizationEndpoint.grantType, "refresh_token"]))
        return world
    }

    private func begin(_ world: World, client: String = "tv") async -> Response {
        await world.answer(.form("/device_authorization", [("client_id", client), ("scope", "qarnot:execute qarnot:admin")])) {
            DeviceAuthorizationEndpoint($0.server)
        }
    }

    private func poll(_ world: World, _ code: String, client: String = "tv") async -> Response {
        await world.token([
            ("grant_type", DeviceAuthorizationEndpoint.grantType), ("device_code", code), ("client_id", client),
        ])
    }

    private func flow(_ world: World) -> DeviceFlow {
        DeviceFlow(
            world.server, sessions: world.browserSessions, security: world.security, throttle: world.throttle,
            pages: ScriptedDevicePages())
    }

    /// A signed-in browser on the device page.
    private func page(_ world: World, _ browser: inout Browser, _ request: Request) async -> Response? {
        let outcome = await flow(world).respond(to: browser.dressed(request), in: .sample)
        guard case .page(let response) = outcome else { return nil }
        browser.keep(response)
        return withExtendedLifetime(world) { response }
    }

    @Test(arguments: [true, false])
    func `a device is no way around an administrator's approval or a role's factor (CON-4, MFA-3)`(_ isApproval: Bool) async throws
    {
        let world = try await World {
            if isApproval { $0.requiresClientApproval = true } else { $0.roleAssurance = [.operator: .multiple] }
        }
        try await world.clients.insert(
            .sample("box", kind: .dynamic, redirectURIs: [], grantTypes: [DeviceAuthorizationEndpoint.grantType]))
        let start = await begin(world, client: "box")
        let userCode = try #require(start.json["user_code"]?.string)
        // A session from elsewhere: one factor, which the role's rule does not take for a code.
        let cookie = try await world.browserSessions.open(
            .ada, by: AuthenticationMethods([.password]), .get("/login"), from: RequestContext.sample.peer, at: world.now)
        var browser = try await Browser.cookied(world)
        browser.keep(Response(.ok).with(.setCookie, cookie))
        let ask = try #require(await page(world, &browser, .get("/device", [("user_code", userCode)])))
        let form: [(String, String)] = [
            ("token", ask.fields[FieldName("x-form-token")] ?? ""), ("user_code", userCode), ("decision", "allow"),
            ("scope", "qarnot:execute"),
        ]
        let answer = try #require(await page(world, &browser, .form("/device", form, [(.origin, World.issuer)])))
        #expect(answer.text != "done true" && answer.event("consent.granted") == nil)
        #expect((answer.event("consent.required") != nil) == isApproval)
        #expect(try await world.approvals.pending().count == (isApproval ? 1 : 0))
        #expect(await poll(world, start.json["device_code"]?.string ?? "", client: "box").error == "authorization_pending")
    }

    @Test func `a device polls, a person allows it, and the code is worth one set of tokens`() async throws {
        let world = try await world()
        let start = await begin(world)
        #expect(start.status == .ok && start.json["interval"] == 5 && start.json["expires_in"] == 600)
        let code = try #require(start.json["device_code"]?.string)
        let userCode = try #require(start.json["user_code"]?.string)
        #expect(userCode.wholeMatch(of: /[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/) != nil)
        #expect(await poll(world, code).error == "authorization_pending")

        var browser = try await Browser.signedIn(world)
        let ask = try #require(await page(world, &browser, .get("/device", [("user_code", userCode.lowercased())])))
        #expect(ask.text.contains("confirm tv-name App from 192.0.2.9 scopes qarnot:execute"), "nothing is approved by a link")
        let form: [(String, String)] = [
            ("token", ask.fields[FieldName("x-form-token")] ?? ""), ("user_code", userCode), ("decision", "allow"),
            ("scope", "qarnot:execute"),
        ]
        let answer = try #require(await page(world, &browser, .form("/device", form, [(.origin, World.issuer)])))
        #expect(answer.text == "done true" && answer.event("consent.granted")?.subject == "ada")

        world.advance(.seconds(10))
        let tokens = await poll(world, code)
        #expect(tokens.status == .ok && tokens.json["scope"] == "qarnot:execute", "the role bounds what was asked")
        let access = try #require(tokens.json["access_token"]?.string)
        let refresh = try #require(tokens.json["refresh_token"]?.string)
        #expect(try await world.accepts(access))
        #expect(await world.refresh(refresh, [("client_id", "tv")]).status == .ok)
        #expect(await poll(world, code).error == "invalid_grant")
    }

    @Test func `polling too fast is told, and the interval stays longer (RFC 8628 §3.5)`() async throws {
        let world = try await world()
        let code = try #require(await begin(world).json["device_code"]?.string)
        #expect(await poll(world, code).error == "authorization_pending")
        world.advance(.seconds(2))
        #expect(await poll(world, code).error == "slow_down")
        world.advance(.seconds(6))
        #expect(await poll(world, code).error == "slow_down", "ten seconds are due now")
        world.advance(.seconds(16))
        #expect(await poll(world, code).error == "authorization_pending")
        world.advance(.seconds(600))
        #expect(await poll(world, code).error == "expired_token")
    }

    @Test func `a no is told to the device, and another client gains nothing by the code`() async throws {
        let world = try await world()
        try await world.clients.insert(
            .sample("radio", redirectURIs: [], grantTypes: [DeviceAuthorizationEndpoint.grantType]))
        let start = await begin(world)
        let code = try #require(start.json["device_code"]?.string)
        #expect(await poll(world, code, client: "radio").error == "invalid_grant")
        #expect(await poll(world, "gthd_nonsense").error == "invalid_grant")
        let userCode = try #require(start.json["user_code"]?.string)
        let digest = world.hasher.digest(of: "user code " + userCode)
        #expect(try await world.devices.deny(userCode: digest, at: world.now))
        #expect(await poll(world, code).error == "access_denied")
    }

    @Test func `a client that did not register for it may not begin`() async throws {
        let world = try await world()
        #expect(await begin(world, client: "app").error == "unauthorized_client")
        #expect(await poll(world, TokenFormat.mint(.device).exposeText(), client: "app").error == "unauthorized_client")
    }

    @Test func `without a session the person signs in first and the code goes along`() async throws {
        let world = try await world()
        let outcome = await flow(world).respond(to: .get("/device", [("user_code", "bcdf ghjk")]), in: .sample)
        guard case .signIn(let code) = outcome else {
            Issue.record("no sign-in was asked")
            return
        }
        #expect(code == "BCDF-GHJK")
    }

    @Test func `guesses count whichever form they come in, until the person has to wait (DEV-1)`() async throws {
        let world = try await world()
        var browser = try await Browser.signedIn(world)
        let ask = try #require(await page(world, &browser, .get("/device")))
        let token = ask.fields[FieldName("x-form-token")] ?? ""
        let before = world.throttle.failures
        for more in [[], [("decision", "allow"), ("scope", "qarnot:read")], [("decision", "deny")]] as [[(String, String)]] {
            let form = [("token", token), ("user_code", "BCDF-GHJK")] + more
            _ = await page(world, &browser, .form("/device", form, [(.origin, World.issuer)]))
        }
        #expect(world.throttle.failures == before + 3)
    }

    @Test func `a form from elsewhere decides nothing (WEB-4)`() async throws {
        let world = try await world()
        let browser = try await Browser.signedIn(world)
        let form = Request.form(
            "/device", [("user_code", "BCDF-GHJK"), ("decision", "allow")], [(.origin, "https://evil.example")])
        guard case .refused = await flow(world).respond(to: browser.dressed(form), in: .sample) else {
            Issue.record("it was not refused")
            return
        }
    }
}

/// Pages that say what they were asked to show.
struct ScriptedDevicePages: DevicePages {
    func device(_ page: DevicePage) -> Response {
        switch page {
        case .ask(let token, let notice): Self.page("ask \(notice ?? "")", token)
        case .confirm(let token, let code, let client, let address, _, _, let scopes):
            Self.page("confirm tv-name \(client) from \(address) scopes \(scopes.description) code \(code)", token)
        case .done(let isAllowed): Self.page("done \(isAllowed)", "")
        }
    }

    private static func page(_ text: String, _ token: String) -> Response {
        Response(.ok, fields: [(FieldName("x-form-token"), token)], body: .bytes(Array(text.utf8)))
    }
}
