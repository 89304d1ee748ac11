import HTTP
import Primitives
import Testing

@testable import OAuth

@Suite struct AuthorizationFlowTests {
    private static let allow: [(String, String)] = [("decision", "allow"), ("scope", "qarnot:read")]

    @Test func `request, login and consent end in a code with state and issuer (AZ-16)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let login = await browser.open()
        #expect(login.page == "login" && login.status == .ok)
        let redirect = await browser.signIn(on: login)
        #expect(redirect.status == .seeOther)
        #expect(redirect.location?.hasPrefix("https://gate.example/consent?transaction=") == true)
        let consent = await browser.get("/consent", [("transaction", try #require(login.json["transaction"]?.string))])
        #expect(consent.page == "consent" && consent.json["redirect_host"] == "app.example")
        let answer = await browser.post("/consent", consent.formParameters + Self.allow)
        #expect(answer.page == "handoff")
        #expect(answer.json["url"]?.string?.hasPrefix("https://app.example/cb?") == true)
        let handed = try answer.handedOver()
        #expect(handed.all("state") == ["s-1"] && handed.all("iss") == ["https://gate.example"])
        #expect(handed.all("code").count == 1 && !handed.contains("error"))
        #expect(answer.event("consent.granted")?.scopes == "qarnot:read")
        let tokens = await world.token([("grant_type", "authorization_code"), ("code", handed.all("code")[0])])
        #expect(tokens.status == .ok && tokens.json["scope"] == "qarnot:read")
    }

    @Test func `without state none is returned, and a registered query stays`() async throws {
        let world = try await World()
        try await world.clients.insert(.sample("query", redirectURIs: ["https://app.example/cb?a=b"]))
        var browser = Browser(world)
        let consent = try await browser.reachConsent([
            ("client_id", "query"), ("redirect_uri", "https://app.example/cb?a=b"), ("state", nil),
        ])
        let handed = try await browser.post("/consent", consent.formParameters + Self.allow).handedOver()
        #expect(handed.all("a") == ["b"] && !handed.contains("state") && handed.contains("code"))
    }

    @Test func `cookies are unreadable to scripts and sent to us alone (WEB-3)`() async throws {
        var browser = Browser(try await World())
        let login = await browser.open()
        let redirect = await browser.signIn(on: login)
        for line in login.fields.all(.setCookie) + redirect.fields.all(.setCookie) {
            #expect(
                line.hasPrefix("__Host-") && line.contains("; Secure") && line.contains("; HttpOnly") && line.contains("; Path=/"))
            #expect(line.contains("SameSite=Lax"))
        }
        #expect(browser.cookies.count == 3)
    }

    @Test func `another browser cannot go on with a transaction (AZ-14)`() async throws {
        let world = try await World()
        var (victim, attacker) = (Browser(world), Browser(world))
        let login = await attacker.open()
        // Without any cookie, and with the cookie of a transaction of its own.
        #expect(await victim.signIn(on: login).status == .forbidden)
        _ = await victim.open()
        #expect(await victim.signIn(on: login).status == .forbidden)
        _ = await attacker.signIn(on: login)
        let transaction = [("transaction", try #require(login.json["transaction"]?.string))]
        #expect(await victim.get("/consent", transaction).status == .forbidden)
        let consent = await attacker.get("/consent", transaction)
        #expect(await victim.post("/consent", consent.formParameters + Self.allow).status == .forbidden)
        #expect(await attacker.post("/consent", consent.formParameters + Self.allow).page == "handoff")
    }

    @Test(
        arguments: [
            ("https://evil.example", nil), ("https://evil.example", "cross-site"), ("https://evil.example", "same-origin"),
            ("https://gate.example.evil.example", nil), ("http://gate.example", nil), ("null", nil), ("null", "cross-site"),
            (nil, nil),
            (nil, "same-site"), (nil, "none"), ("https://gate.example", "cross-site"), ("https://gate.example", "same-site"),
        ] as [(String?, String?)])
    func `a form from elsewhere is refused (WEB-4)`(_ origin: String?, _ site: String?) async throws {
        var browser = Browser(try await World())
        let login = await browser.open()
        var forged = browser
        (forged.origin, forged.site) = (origin, site)
        #expect(await forged.signIn(on: login).status == .forbidden)
        _ = await browser.signIn(on: login)
        let consent = await browser.get("/consent", [("transaction", login.json["transaction"]?.string ?? "")])
        forged.cookies = browser.cookies
        let answer = await forged.post("/consent", consent.formParameters + Self.allow)
        #expect(answer.status == .forbidden && answer.event("authz.request.rejected")?.reason == "WEB-4")
    }

    @Test(arguments: [("null", "same-origin"), (nil, "same-origin"), ("https://gate.example", nil)] as [(String?, String?)])
    func `a form of our own pages is taken, however the browser words it (WEB-4)`(_ origin: String?, _ site: String?) async throws {
        var browser = Browser(try await World())
        (browser.origin, browser.site) = (origin, site)
        let login = await browser.open()
        #expect(await browser.signIn(on: login).status == .seeOther)
    }

    @Test func `a form token of another purpose, transaction or none is refused (WEB-4)`() async throws {
        var browser = Browser(try await World())
        let (login, other) = (await browser.open(), await browser.open())
        let transaction = ("transaction", login.json["transaction"]?.string ?? "")
        for token in ["", "x", other.json["token"]?.string ?? ""] {
            let answer = await browser.post("/login", [transaction, ("token", token), ("username", "ada"), ("password", "right")])
            #expect(answer.status == .forbidden)
        }
        #expect(await browser.signIn(on: login).status == .seeOther)
        let answer = await browser.post("/consent", [transaction, ("token", login.json["token"]?.string ?? "")] + Self.allow)
        #expect(answer.status == .forbidden)
    }

    @Test func `consent without a signed-in user shows the login (CON-1)`() async throws {
        var browser = Browser(try await World())
        let login = await browser.open()
        let transaction = [("transaction", login.json["transaction"]?.string ?? "")]
        #expect(await browser.get("/consent", transaction).page == "login")
        _ = await browser.signIn(on: login)
        let consent = await browser.get("/consent", transaction)
        browser.cookies[BrowserSecurity.sessionCookie] = nil
        let answer = await browser.post("/consent", consent.formParameters + Self.allow)
        #expect(answer.page == "login")
        #expect(!answer.text.contains("code="))
    }

    @Test func `unticked scopes narrow the grant, invented ones do not widen it (CON-2)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let consent = try await browser.reachConsent([("scope", "qarnot:read qarnot:execute")])
        #expect(consent.json["scopes"] == "qarnot:read qarnot:execute")
        let answer = await browser.post(
            "/consent", consent.formParameters + Self.allow + [("scope", "qarnot:admin"), ("scope", "other:read")])
        let code = try answer.handedOver().all("code")
        let tokens = await world.token([("grant_type", "authorization_code"), ("code", try #require(code.first))])
        #expect(tokens.json["scope"] == "qarnot:read")
    }

    @Test func `what was not asked for cannot be ticked, and nothing ticked is no consent`() async throws {
        var browser = Browser(try await World())
        let consent = try await browser.reachConsent()
        for scopes in [[], [("scope", "qarnot:execute")]] {
            let answer = await browser.post("/consent", consent.formParameters + [("decision", "allow")] + scopes)
            #expect(answer.page == "consent" && answer.json["notice"] != "")
        }
        #expect(await browser.post("/consent", consent.formParameters + Self.allow).page == "handoff")
    }

    @Test func `the role bounds what is offered (AZ-15)`() async throws {
        let world = try await World()
        try await world.users.setRole(.viewer, of: User.ada.id)
        var browser = Browser(world)
        #expect(try await browser.reachConsent([("scope", "qarnot:admin qarnot:read")]).json["scopes"] == "qarnot:read")
    }

    /// A page either way: Chromium applies our `form-action` to a redirect that answers a form (AZ-17). Only the trusted client's
    /// goes on by itself.
    @Test(arguments: [(Client.Kind.dynamic, false), (.preregistered, true)])
    func `deny carries access_denied, state and issuer, and no code (CON-3, AZ-13, AZ-17)`(_ kind: Client.Kind, _ goesOn: Bool)
        async throws
    {
        let world = try await World()
        try await world.clients.insert(.sample("other", kind: kind))
        var browser = Browser(world)
        let consent = try await browser.reachConsent([("client_id", "other")])
        let answer = await browser.post("/consent", consent.formParameters + [("decision", "deny")])
        #expect(answer.page == "error" && answer.status == .ok)
        #expect(answer.json["automatic"]?.bool == goesOn)
        let handed = try answer.handedOver()
        #expect(handed.all("error") == ["access_denied"])
        #expect(handed.all("state") == ["s-1"] && handed.all("iss") == ["https://gate.example"])
        #expect(!handed.contains("code"))
        #expect(answer.event("consent.denied")?.subject == "ada")
    }

    @Test func `an answer given twice counts once (WEB-6)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let consent = try await browser.reachConsent()
        #expect(await browser.post("/consent", consent.formParameters + Self.allow).page == "handoff")
        for decision in ["allow", "deny"] {
            let replay = await browser.post(
                "/consent", consent.formParameters + [("decision", decision), ("scope", "qarnot:read")])
            #expect(replay.page == "refusal" && replay.status == .ok)
            #expect(!replay.text.contains("code="))
        }
    }

    @Test func `a transaction ends after ten minutes (AZ-14)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let login = await browser.open()
        world.advance(OAuthSettings.transactionLifetime)
        #expect(await browser.signIn(on: login).status == .badRequest)
    }

    @Test func `a wrong password is one sentence, whoever it was (WEB-7)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let login = await browser.open()
        let wrong = await browser.signIn(on: login, password: "wrong")
        let unknown = await browser.post("/login", login.formParameters + [("username", "nobody"), ("password", "x")])
        #expect(wrong.status == .unauthorized && unknown.status == .unauthorized)
        #expect(wrong.json["notice"] == unknown.json["notice"])
        #expect(world.throttle.failures == 2)
        #expect(wrong.event("auth.login")?.subject == "ada" && unknown.event("auth.login")?.subject == nil)
        try await world.users.setDisabled(true, of: User.ada.id, at: world.now)
        #expect(await browser.signIn(on: login).json["notice"] == wrong.json["notice"])
    }

    @Test func `a browser is known again by the account that signed in with it, and by no other (BF-1)`() async throws {
        let world = try await World()
        var browser = try await Browser.signedIn(world)
        let cookie = try #require(browser.cookies["__Host-gh_dev"])
        func attempt(_ name: String) async -> String? {
            let login = await browser.open([("prompt", "login")])
            _ = await browser.post("/login", login.formParameters + [("username", name), ("password", "wrong")])
            return world.throttle.lastDevice
        }
        let known = await attempt("ada")
        #expect(known != nil && cookie.hasPrefix(known ?? "-"))
        #expect(await attempt("ben") == nil)
        browser.cookies["__Host-gh_dev"] = "A" + cookie.dropFirst()
        #expect(await attempt("ada") == nil)
        browser.cookies["__Host-gh_dev"] = cookie
        world.advance(.seconds(180 * 86_400))
        #expect(await attempt("ada") == nil)
    }

    @Test func `a question left open for five minutes is asked again, and its answer counts for nothing (CON-3)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let consent = try await browser.reachConsent()
        let answer = [("decision", "allow"), ("scope", "qarnot:read")]
        world.advance(.seconds(301))
        let again = await browser.post("/consent", consent.formParameters + answer)
        #expect(again.page == "consent" && again.json["notice"]?.string?.contains("decide again") == true)
        #expect(try await world.grants.grants(of: User.ada.id, at: world.now).isEmpty)
        #expect(try await browser.post("/consent", again.formParameters + answer).handedOver().contains("code"))
    }

    @Test func `a throttled attempt says how long to wait and looks at no password (BF-1)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let login = await browser.open()
        world.throttle.hold(for: .milliseconds(3200))
        let answer = await browser.signIn(on: login)
        #expect(answer.status == .tooManyRequests && answer.fields[.retryAfter] == "4")
    }

    @Test func `signing in opens a new session and ends the browser's old one (WEB-5)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        _ = try await browser.reachConsent()
        let old = browser
        _ = await browser.signIn(on: await browser.open([("prompt", "login")]))
        #expect(browser.cookies[BrowserSecurity.sessionCookie] != old.cookies[BrowserSecurity.sessionCookie])
        var stale = old
        #expect(await stale.open().page == "login")
        #expect(await browser.open().page == "consent")
    }

    @Test func `a signed-in browser is asked for consent at once, unless the client wants a fresh login (AZ-11)`() async throws {
        let world = try await World()
        var browser = Browser(world)
        _ = try await browser.reachConsent()
        #expect(await browser.open().page == "consent")
        #expect(await browser.open([("prompt", "login")]).page == "login")
        world.advance(.seconds(100))
        #expect(await browser.open([("max_age", "100")]).page == "consent")
        #expect(await browser.open([("max_age", "99")]).page == "login")
    }

    @Test func `prompt none never shows a page to a known client (AZ-11)`() async throws {
        var browser = Browser(try await World())
        #expect(try await browser.open([("prompt", "none")]).handedOver().all("error") == ["login_required"])
        _ = try await browser.reachConsent()
        #expect(try await browser.open([("prompt", "none")]).handedOver().all("error") == ["consent_required"])
    }

    @Test(arguments: [(Client.Kind.preregistered, Status.seeOther), (.dynamic, .ok)])
    func `an error goes to an unknown client only by the person's own click (AZ-13)`(_ kind: Client.Kind, _ status: Status)
        async throws
    {
        let world = try await World()
        try await world.clients.insert(.sample("other", kind: kind))
        var browser = Browser(world)
        let answer = await browser.open([("client_id", "other"), ("response_type", "token")])
        #expect(answer.status == status)
        #expect(answer.fields.contains(.location) == (kind == .preregistered))
        #expect(try answer.handedOver().all("error") == ["unsupported_response_type"])
        #expect(try answer.handedOver().all("iss") == ["https://gate.example"])
    }

    @Test(arguments: [("client_id", "nobody"), ("redirect_uri", "https://evil.example/cb"), ("request_uri", "x")])
    func `a refusal before client and address are proven leads nowhere (AZ-1 to AZ-3)`(_ name: String, _ value: String) async throws
    {
        var browser = Browser(try await World())
        let answer = await browser.open([(name, value)])
        #expect(answer.status == .badRequest && answer.page == "refusal")
        #expect(!answer.fields.contains(.location) && !answer.text.contains("evil.example"))
        #expect(browser.cookies.isEmpty)
    }

    @Test func `the request may come as a form (AZ-1)`() async throws {
        var browser = Browser(try await World())
        (browser.origin, browser.site) = ("https://app.example", "cross-site")
        #expect(await browser.post("/authorize", AuthorizationParserTests.valid).page == "login")
    }

    @Test func `a client removed meanwhile ends the transaction`() async throws {
        let world = try await World()
        var browser = Browser(world)
        let consent = try await browser.reachConsent()
        _ = try await world.clients.remove(ClientID("app"))
        #expect(await browser.post("/consent", consent.formParameters + Self.allow).page == "refusal")
    }

    @Test func `a client described by a document shows its host and whether it is on this machine (CIMD-7)`() async throws {
        let world = try await World()
        world.fetcher.serve(
            #"{"client_id":"https://app.example/oauth/client","client_name":"App","redirect_uris":["http://localhost/cb"]}"#,
            at: MetadataDocumentTests.url)
        var browser = Browser(world)
        let consent = try await browser.reachConsent([
            ("client_id", MetadataDocumentTests.url), ("redirect_uri", "http://localhost:3118/cb"),
        ])
        #expect(consent.json["client_host"] == "app.example" && consent.json["loopback"] == true)
        let answer = await browser.post("/consent", consent.formParameters + Self.allow)
        #expect(answer.json["url"]?.string?.hasPrefix("http://localhost:3118/cb?code=") == true)
    }

    @Test func `a document that cannot be had refuses the client in one sentence and audits why (CIMD-5)`() async throws {
        var browser = Browser(try await World())
        let answer = await browser.open([("client_id", MetadataDocumentTests.url)])
        #expect(answer.page == "refusal" && !answer.text.contains("200"))
        #expect(answer.event("client.metadata.rejected")?.reason == "answer is not 200")
    }
}
