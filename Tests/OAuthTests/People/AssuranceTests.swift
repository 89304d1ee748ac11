import HTTP
import Primitives
import Testing

@testable import Crypto
@testable import OAuth

/// Which sign-in is enough (MFA-3, RFC 9470).
struct AssuranceTests {
    private func hidden(_ page: Response) -> [(String, String)] {
        ["transaction", "token", "account", "passed"].compactMap { name in page.json[name]?.string.map { (name, $0) } }
    }

    /// An authenticator app of ada's, as a source of codes.
    private func app(_ world: World) async throws -> TimeBasedCode {
        let app = TimeBasedCode(secret: try await world.factor.begin(for: .ada, at: world.now))
        _ = try await world.factor.confirm(app.code(step: TimeBasedCode.step(at: world.now)), of: .ada, at: world.now)
        world.advance(.seconds(30))
        return app
    }

    private func signIn(_ browser: inout Browser, _ world: World, _ changes: [(String, String?)] = [], code app: TimeBasedCode)
        async -> Response
    {
        let ask = await browser.signIn(on: await browser.open(changes))
        let code = app.code(step: TimeBasedCode.step(at: world.now))
        world.advance(.seconds(30))
        return await browser.post("/login", hidden(ask) + [("otp", code)])
    }

    @Test(
        arguments: [
            ([], nil), ([.password], .single), ([.provider], .single), ([.password, .code], .multiple),
            ([.provider, .recoveryCode], .multiple), ([.code], .single), ([.password, .passkey], .phishingResistant),
            ([.syncedPasskey, .verified], .phishingResistant),
        ] as [([AuthenticationMethods.Method], Assurance?)])
    func `what was used says what it proves`(_ methods: [AuthenticationMethods.Method], _ assurance: Assurance?) {
        #expect(AuthenticationMethods(methods).assurance == assurance)
        #expect(AuthenticationMethods(text: AuthenticationMethods(methods).text).methods == methods)
    }

    @Test func `the claim says mfa for two factors and for a passkey that checked its owner`() {
        #expect(AuthenticationMethods([.password]).claim == ["pwd"])
        #expect(AuthenticationMethods([.password, .code]).claim == ["pwd", "otp", "mfa"])
        #expect(AuthenticationMethods([.passkey, .verified]).claim == ["hwk", "user", "mfa"])
    }

    @Test func `a role that needs two factors gets no code by one, and is told what to do`() async throws {
        let world = try await World { $0.roleAssurance = [.operator: .multiple] }
        var browser = Browser(world)
        let answer = await browser.signIn(on: await browser.open())
        #expect(answer.status == .forbidden && answer.page == "refusal")
        #expect(answer.json["text"]?.string?.contains("/account") == true)
        #expect(answer.event("authz.request.rejected")?.reason == "MFA-3" && answer.event("auth.login") != nil)
        // Signed in, so that the account page is open; a session of one factor leads to the sign-in page, not to the question.
        #expect(await browser.open().page == "login")
        let app = try await app(world)
        #expect(await signIn(&browser, world, code: app).status == .seeOther)
        #expect(await browser.open().page == "consent")
    }

    @Test func `a role that needs a passkey is not content with a code`() async throws {
        let world = try await World { $0.roleAssurance = [.operator: .phishingResistant] }
        let app = try await app(world)
        var browser = Browser(world)
        let answer = await signIn(&browser, world, code: app)
        #expect(answer.status == .forbidden && answer.json["text"]?.string?.contains("passkey") == true)
    }

    @Test func `another role is not asked`() async throws {
        let world = try await World { $0.roleAssurance = [.admin: .phishingResistant] }
        var browser = Browser(world)
        #expect(try await browser.reachConsent().page == "consent")
    }

    @Test func `a client may ask for more by acr_values, and for nothing we do not know`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let answer = await browser.signIn(on: await browser.open([("acr_values", "2fa phr")]))
        #expect(answer.status == .forbidden && answer.event("authz.request.rejected")?.reason == "MFA-3")
        #expect(await browser.open([("acr_values", "1fa")]).page == "consent", "any sign-in will do")
        let unknown = await browser.open([("acr_values", "gold")])
        #expect(try unknown.handedOver().all("error") == ["unmet_authentication_requirements"])
        let silent = await browser.open([("acr_values", "2fa"), ("prompt", "none")])
        #expect(try silent.handedOver().all("error") == ["login_required"])
    }

    @Test func `what the sign-in proved reaches grant and token`() async throws {
        let world = try await World()
        let app = try await app(world)
        var browser = Browser(world)
        #expect(await signIn(&browser, world, code: app).status == .seeOther)
        let question = await browser.open()
        let answer = await browser.post(
            "/consent", question.formParameters + [("decision", "allow"), ("scope", "qarnot:read")])
        let code = try #require(try answer.handedOver().all("code").first)
        let tokens = await world.token([("grant_type", "authorization_code"), ("code", code)])
        let access = try #require(tokens.json["access_token"]?.string)
        let facts = try #require(try await world.tokens.facts(of: world.hasher.digest(of: access)))
        #expect(facts.methods.methods == [.password, .code] && facts.authenticatedAt != nil)
    }

    // MARK: - At the resource

    private func token(_ world: World, by methods: [AuthenticationMethods.Method], at authenticatedAt: Timestamp?) async throws
        -> String
    {
        let value = TokenFormat.mint(.access)
        var grant = Grant(
            id: GrantID("g1"), userID: User.ada.id, clientID: Client.app.id, scopes: ScopeSet(text: "qarnot:execute"),
            resource: world.settings.resources[0].url, redirectURI: "https://app.example/cb", createdAt: world.now,
            endsAt: world.now + .seconds(3600), authenticatedAt: authenticatedAt)
        grant.methods = AuthenticationMethods(methods)
        try await world.grants.insert(
            grant,
            access: NewAccessToken(
                digest: world.hasher.digest(of: value), scopes: grant.scopes, issuedAt: world.now,
                expiresAt: world.now + .seconds(3600), confirmation: nil), refresh: nil)
        return value.exposeText()
    }

    private func verdict(_ world: World, _ token: String) async -> ResourceServer.Verdict {
        let request = Request(method: .post, path: "/mcp", fields: [(.authorization, "Bearer " + token)])
        return await world.resourceServer.authenticate(request, for: world.settings.resources[0], in: .sample)
    }

    @Test func `a grant older than the role's rule is led to a stronger sign-in`() async throws {
        let world = try await World { $0.roleAssurance = [.operator: .multiple] }
        let weak = try await token(world, by: [.password], at: world.now)
        guard case .refused(let response, isUnauthorized: true) = await verdict(world, weak) else {
            Issue.record("let through")
            return
        }
        let challenge = response.fields[.wwwAuthenticate] ?? ""
        #expect(response.status == .unauthorized && challenge.contains("error=\"insufficient_user_authentication\""))
        #expect(challenge.contains("acr_values=\"2fa\"") && challenge.contains("resource_metadata="))
    }

    @Test func `a strong one passes, and its caller carries what was proven`() async throws {
        let world = try await World { $0.roleAssurance = [.operator: .multiple] }
        let strong = try await token(world, by: [.password, .code], at: world.now)
        guard case .caller(let caller) = await verdict(world, strong) else {
            Issue.record("refused")
            return
        }
        #expect(caller.assurance == .multiple && caller.authenticatedAt == world.now)
    }

    @Test func `what nobody signed in for is no matter of roles`() async throws {
        let world = try await World { $0.roleAssurance = [.operator: .multiple] }
        let machine = try await token(world, by: [], at: nil)
        guard case .caller = await verdict(world, machine) else {
            Issue.record("refused")
            return
        }
    }

    @Test func `a rule on a class holds above it, and the strictest of several counts`() throws {
        var settings = OAuthSettings(issuer: World.issuer, resources: [])
        #expect(settings.stepUp(engine: "qarnot", .admin) == nil)
        settings.stepUps = [
            try #require(Scope("qarnot:execute")): StepUp(.multiple, maximumAge: .seconds(3600)),
            try #require(Scope("qarnot:admin")): StepUp(.single, maximumAge: .seconds(60)),
            try #require(Scope("docs:read")): StepUp(.phishingResistant),
        ]
        #expect(settings.stepUp(engine: "qarnot", .read) == nil)
        #expect(settings.stepUp(engine: "qarnot", .execute) == StepUp(.multiple, maximumAge: .seconds(3600)))
        #expect(settings.stepUp(engine: "qarnot", .admin) == StepUp(.multiple, maximumAge: .seconds(60)))
    }

    @Test(
        arguments: [
            (.multiple, 0, true), (.phishingResistant, 60, true), (.multiple, 61, false), (.single, 0, false), (nil, 0, false),
        ] as [(Assurance?, Int64, Bool)])
    func `a sign-in is enough when strong and recent enough`(_ held: Assurance?, _ age: Int64, _ isEnough: Bool) {
        let needed = StepUp(.multiple, maximumAge: .seconds(60))
        #expect(needed.isMet(by: held, at: .at(0), now: .at(age)) == isEnough)
        #expect(!needed.isMet(by: held, at: nil, now: .at(0)), "nobody signed in")
    }
}
