import Crypto
import Foundation
import HTTP
import Primitives
import Testing

@testable import App
@testable import OAuth

/// Every page, rendered with the worst a stranger can put into it.
enum PageSamples {
    static let script = "<script>alert(1)</script>\" onload=\"x' & \u{202E}txt.exe"
    static let pages = Pages(frame: PageFrame(sendsStrictTransport: true))

    static func login(name: String, username: String = "", notice: String? = nil) -> Response {
        pages.login(
            LoginPage(
                transactionID: "txn0000000000000000000", token: "token", clientName: name, username: username, notice: notice,
                status: .ok))
    }

    static func consent(
        name: String, kind: Client.Kind, host: String? = nil, redirectHost: String, isLoopback: Bool = false, isNew: Bool = false,
        isFromElsewhere: Bool = false, scopes: String, notice: String? = nil
    ) -> Response {
        var page = ConsentPage(
            transactionID: "txn0000000000000000000", token: "token", clientName: name, clientKind: kind, clientHost: host,
            redirectHost: redirectHost, isLoopbackOnly: isLoopback, isNew: isNew, username: "demo",
            resourceTitle: "Qarnot compute",
            resourceURL: "https://gate.example.com/mcp", scopes: ScopeSet(text: scopes), role: .operator,
            expiresIn: .seconds(90 * 86_400), notice: notice)
        page.knownSince = Timestamp(seconds: 1_700_000_000)
        page.isFromElsewhere = isFromElsewhere
        var pages = pages
        pages.tools["https://gate.example.com/mcp"] = [("submit_task", .execute), ("list_tasks", .read), ("delete_bucket", .admin)]
        return pages.consent(page)
    }

    static func account(_ state: String, message: String? = nil, username: String = "demo", isFull: Bool = false) -> Response {
        let user = User(id: UserID("u1"), name: username, role: .operator, isDisabled: false, createdAt: Timestamp(seconds: 0))
        let grant = Grant(
            id: GrantID("g1"), userID: user.id, clientID: ClientID("c1"), scopes: ScopeSet(text: "qarnot:execute"),
            resource: "https://gate.example.com/mcp", redirectURI: "https://claude.ai/api/mcp/auth_callback",
            createdAt: Timestamp(seconds: 1_700_000_000), endsAt: Timestamp(seconds: 1_800_000_000))
        let session = BrowserSession(
            userID: user.id, authenticatedAt: Timestamp(seconds: 1_700_000_000), idleUntil: Timestamp(seconds: 1_800_000_000),
            endsAt: Timestamp(seconds: 1_800_000_000), address: "192.0.2.1", userAgent: isFull ? script : "")
        let token = TokenSummary(
            id: "t1", username: username, credential: .personalToken, name: "laptop", clientID: nil,
            scopes: ScopeSet(text: "qarnot:read"), issuedAt: Timestamp(seconds: 0), expiresAt: nil, isActive: true)
        let passkey = Passkey(
            id: "p1", userID: user.id, credentialID: [1], key: [], counter: 0, isBackupEligible: true, isBackedUp: true,
            name: script, createdAt: Timestamp(seconds: 1_700_000_000), lastUsedAt: Timestamp(seconds: 1_700_086_400))
        return pages.account(
            AccountPage(
                user: user, keys: [AccountPage.Key(engine: "qarnot", title: "Qarnot compute", state: state)],
                grants: isFull
                    ? [
                        GrantSummary(
                            grant: grant, clientName: script, clientKind: .dynamic,
                            lastUsedAt: Timestamp(seconds: 1_700_086_400), lastAddress: "192.0.2.7")
                    ] : [], sessions: [SessionSummary(id: "s1", username: username, session: session)],
                tokens: isFull ? [token] : [], passkeys: isFull ? [passkey] : [], hasApp: isFull,
                recoveryCodesLeft: isFull ? 9 : nil, token: "token",
                message: message.map { .done($0) }))
    }

    static let prompt = PasskeyPrompt(
        challenge: "Y2hhbGxlbmdl", ticket: "Y2hhbGxlbmdl.0.dG9rZW4", relyingPartyID: "gate.example.com",
        credentials: ["Y3JlZDE", "Y3JlZDI"], isVerificationRequired: false)

    static func secondFactor(hasApp: Bool) -> Response {
        var page = SecondFactorPage(
            transactionID: "txn0000000000000000000", token: "token", account: "u1", passed: "0.pwd", device: nil, notice: nil,
            status: .ok)
        page.hasApp = hasApp
        page.passkey = prompt
        return pages.secondFactor(page)
    }

    static let admin = User(
        id: UserID("u2"), name: "boss", role: .admin, isDisabled: false, createdAt: Timestamp(seconds: 1_700_000_000))
    static let client = Client(
        id: ClientID("https://evil.example/\"><script>"), kind: .dynamic, name: script,
        redirectURIs: ["https://claude.ai/api/mcp/auth_callback", "http://localhost/callback"], authenticationMethod: .none,
        secretDigest: nil, grantTypes: ["authorization_code"], createdAt: Timestamp(seconds: 1_700_000_000))
    static let hostileSession = BrowserSession(
        userID: UserID("u1"), authenticatedAt: Timestamp(seconds: 1_700_000_000), idleUntil: Timestamp(seconds: 1_800_000_000),
        endsAt: Timestamp(seconds: 1_800_000_000), address: "192.0.2.1", userAgent: script)

    static func adminPage(_ message: AccountPage.Message?) -> AdminPage {
        AdminPage(token: "token", username: "boss", message: message)
    }

    /// Pages with a form for passkeys, and so with the script.
    static let passkeyPages: [(name: String, response: Response)] = [
        (
            "passkey-login",
            pages.login(
                LoginPage(
                    transactionID: "txn0000000000000000000", token: "token", clientName: script, username: "", notice: nil,
                    status: .ok, passkey: prompt))
        ),
        (
            "passkey-sign-in",
            pages.signIn(token: "token", username: "", device: "new", notice: nil, status: .ok, passkey: prompt)
        ),
        ("passkey-second-factor", secondFactor(hasApp: false)),
        ("passkey-or-app", secondFactor(hasApp: true)),
        ("passkey-new", pages.newPasskey(prompt, handle: "aGFuZGxl", username: script, name: script, token: "token")),
        (
            "passkey-confirmation",
            pages.confirmation(
                ConfirmationPage(
                    title: "Remove \(script)?", text: "You cannot sign in with it any more.", button: "Remove", path: "/account",
                    fields: [("token", "token"), ("action", "remove-passkey"), ("id", script)], username: "demo", passkey: prompt,
                    notice: nil))
        ),
    ]

    static let all: [(name: String, response: Response)] =
        passkeyPages + [
            (
                "waiting",
                pages.waiting(WaitingPage(transactionID: "txn0000000000000000000", clientName: script, redirectHost: "claude.ai"))
            ),
            ("admin", pages.adminOverview(adminPage(.done("Claude is approved.")), requests: [], events: [])),
            (
                "admin-hostile",
                pages.adminOverview(
                    adminPage(nil),
                    requests: [
                        ClientRequest(
                            client: client, username: script, redirectHost: script, scopes: ScopeSet(text: "qarnot:execute"),
                            askedAt: Timestamp(seconds: 1_700_000_000))
                    ],
                    events: [
                        SecurityLog.Entry(
                            time: "2026-11-27 08:00:00", event: "auth.session.anomaly", outcome: "denied", subject: script,
                            isGrave: true),
                        SecurityLog.Entry(
                            time: "2026-11-27 07:00:00", event: "auth.login", outcome: "success", subject: "demo", isGrave: false),
                    ])
            ),
            ("admin-users", pages.adminUsers(adminPage(nil), users: [admin], count: 7)),
            (
                "admin-user",
                pages.adminUser(
                    adminPage(.problem("You cannot disable yourself.")), user: admin,
                    kinds: SecondFactor.Kinds(hasApp: true, hasPasskeys: false), grants: 2,
                    sessions: [SessionSummary(id: "s1", username: "demo", session: hostileSession)])
            ),
            ("admin-clients", pages.adminClients(adminPage(nil), clients: [client], count: 1)),
            (
                "admin-sessions",
                pages.adminSessions(
                    adminPage(nil), sessions: [SessionSummary(id: "s1", username: "demo", session: hostileSession)], count: 1)
            ),
            ("admin-invited", pages.adminInvited(name: "new", role: .viewer, link: "https://gate.example.com/invite?code=abc")),
            (
                "admin-confirm",
                pages.adminConfirm(
                    title: "Remove \(script)?", text: "Everybody who uses it has to connect again.", button: "Remove",
                    path: "/admin/clients", fields: [("token", "token"), ("action", "remove-client"), ("id", script)])
            ),
            ("passkey-recovery-codes", pages.recoveryCodes(["abcd-efgh-jkmn-pqrs"], of: "passkey")),
            ("account-full", account("present", isFull: true)),
            (
                "second-factor",
                pages.secondFactor(
                    SecondFactorPage(
                        transactionID: "txn0000000000000000000", token: "token", account: "u1", passed: "0", device: nil,
                        notice: "The code is not right.", status: .unauthorized))
            ),
            (
                "enrolment",
                pages.enrolment(
                    key: "JBSWY3DPEHPK3PXP", uri: "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP", token: "token", notice: nil)
            ),
            ("recovery-codes", pages.recoveryCodes(["abcd-efgh-jkmn-pqrs"])),
            ("invitation", pages.invitation(username: script, code: "code", token: "token", notice: nil)),
            ("device", pages.device(.ask(token: "token", notice: "This code is not known or has expired."))),
            (
                "device-confirm",
                pages.device(
                    .confirm(
                        token: "token", userCode: "BCDF-GHJK", clientName: script, address: "192.0.2.1", username: "demo",
                        resourceTitle: "Qarnot compute", scopes: ScopeSet(text: "qarnot:execute")))
            ),
            ("device-done", pages.device(.done(isAllowed: true))),
            ("home", pages.home(mcpURL: "https://gate.example.com/mcp")),
            ("login", login(name: "Claude")),
            ("login-again", login(name: "Claude", username: "demo", notice: "The user name or password is not right.")),
            ("login-hostile", login(name: script, username: script)),
            ("sign-in", pages.signIn(token: "token", username: "", device: nil, notice: nil, status: .ok)),
            (
                "sign-in-hostile",
                pages.signIn(token: "token", username: script, device: nil, notice: "Too many attempts.", status: .tooManyRequests)
            ),
            (
                "consent-preregistered",
                consent(name: "Claude", kind: .preregistered, redirectHost: "claude.ai", scopes: "qarnot:read qarnot:execute")
            ),
            (
                "consent-metadata",
                consent(
                    name: "Claude", kind: .metadata, host: "claude.ai", redirectHost: "claude.ai", isNew: true,
                    scopes: "qarnot:read")
            ),
            (
                "consent-loopback",
                consent(
                    name: "Claude Code", kind: .dynamic, redirectHost: "localhost", isLoopback: true, isNew: true,
                    scopes: "qarnot:admin",
                    notice: "Tick at least one permission, or choose Deny.")
            ),
            (
                "consent-elsewhere",
                consent(
                    name: "Helper", kind: .metadata, host: "helper.example", redirectHost: "helper.example", isFromElsewhere: true,
                    scopes: "qarnot:execute")
            ),
            (
                "consent-hostile",
                consent(name: script, kind: .dynamic, host: script, redirectHost: script, isNew: true, scopes: "qarnot:read")
            ),
            ("account", account("present")),
            ("account-missing", account("missing", message: "The key is removed.")),
            ("account-rejected-hostile", account("rejected", message: script, username: script)),
            (
                "refusal",
                pages.refusal(
                    RefusalPage(title: "Connection refused", text: script, requestID: RequestID("req-1"), status: .badRequest))
            ),
            ("hand-off", pages.handOff(to: "https://claude.ai/api/mcp/auth_callback?code=a&state=%22%3E&iss=b", host: "claude.ai")),
            ("hand-off-hostile", pages.handOff(to: "https://claude.ai/?\(script)", host: script)),
            (
                "error-hand-off",
                pages.errorHandOff(
                    to: "http://localhost:3118/callback?error=access_denied&state=\(script)", host: script, isAutomatic: false)
            ),
        ]
}

@Suite struct PageTests {
    private func sample(_ name: String) throws -> (Response, String) {
        let response = try #require(PageSamples.all.first { $0.name == name }?.response)
        guard case .bytes(let body) = response.body else { throw Missing() }
        return (response, String(decoding: body, as: UTF8.self))
    }

    private struct Missing: Error {}

    @Test(arguments: PageSamples.all.map(\.name))
    func `a page looks as it did`(_ name: String) throws {
        let html = try sample(name).1.replacing(PageFrame.stylesheetPath, with: "/assets/style.css")
            .replacing(PageFrame.scriptPath, with: "/assets/passkey.js")
        try Golden.expect(html, equals: "Tests/Fixtures/pages/\(name).html")
    }

    /// Looks at the tags a browser would see, not at escaped text.
    @Test(arguments: PageSamples.all.map(\.name))
    func `no page has a script, a style or an event of its own (WEB-1)`(_ name: String) throws {
        var html = try sample(name).1
        if PageSamples.passkeyPages.contains(where: { $0.name == name }) {
            let script = "<script src=\"\(PageFrame.scriptPath)\" defer></script>\n"
            #expect(html.ranges(of: script).count == 1)
            html = html.replacing(script, with: "")
        }
        for tag in html.matches(of: /<([a-z0-9]+)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*>/) {
            #expect(!["script", "style", "iframe", "object", "embed", "base"].contains(tag.1))
            for attribute in tag.2.matches(of: /([a-zA-Z-]+)(?:="([^"]*)")?/) {
                #expect(!attribute.1.hasPrefix("on") && attribute.1 != "style")
                #expect(!(attribute.2 ?? "").lowercased().hasPrefix("javascript:"))
            }
        }
        // Everything that opens a tag was understood above: nothing odd hides from the check.
        let tags = html.matches(of: /<(?:[a-z0-9]+(?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*\s*|\/[a-z0-9]+|!doctype html)>/).count
        #expect(tags == html.count { $0 == "<" })
        #expect(tags == html.count { $0 == ">" })
    }

    @Test(arguments: PageSamples.all.map(\.name))
    func `every page carries the headers of WEB-1 and AZ-18`(_ name: String) throws {
        let fields = try sample(name).0.fields
        let policy = fields.single(FieldName("content-security-policy")) ?? ""
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"] {
            #expect(policy.contains(directive))
        }
        let mayRun = PageSamples.passkeyPages.contains { $0.name == name }
        #expect(!policy.contains("unsafe") && policy.contains("script-src") == mayRun)
        #expect(!mayRun || policy.hasSuffix("; script-src 'self'"))
        #expect(policy.contains(name.contains("hand-off") ? "form-action 'none'" : "form-action 'self'"))
        #expect(fields.single(.cacheControl) == "no-store")
        #expect(fields.single(FieldName("referrer-policy")) == "no-referrer")
        #expect(fields.single(FieldName("x-content-type-options")) == "nosniff")
        #expect(fields.single(FieldName("x-frame-options")) == "DENY")
        #expect(fields.single(FieldName("cross-origin-resource-policy")) == "same-origin")
        #expect(fields.single(FieldName("strict-transport-security")) == "max-age=63072000; includeSubDomains")
        #expect(fields.single(.contentType) == "text/html; charset=utf-8")
        // AZ-18: it would sever the opener of clients that run the flow in a popup.
        #expect(!fields.contains(FieldName("cross-origin-opener-policy")))
    }

    @Test func `localhost gets no HSTS (contract §9)`() {
        let response = Pages(frame: PageFrame(sendsStrictTransport: false)).home(mcpURL: "https://localhost:8443/mcp")
        #expect(!response.fields.contains(FieldName("strict-transport-security")))
    }

    @Test func `forms go to our own paths and carry no target (WEB-2)`() throws {
        for (name, _) in PageSamples.all {
            for form in try sample(name).1.matches(of: /<form [^>]*action="([^"]*)"/) {
                #expect(
                    (["/login", "/consent", "/account", "/device", "/invite"] + AdministrationEndpoint.paths).contains(
                        String(form.1)))
            }
        }
    }

    @Test func `names of stylesheet and script follow their content, and both may be kept for ever`() async {
        #expect(PageFrame.stylesheetPath.wholeMatch(of: /\/assets\/style-[0-9a-f]{12}\.css/) != nil)
        #expect(PageFrame.scriptPath.wholeMatch(of: /\/assets\/passkey-[0-9a-f]{12}\.js/) != nil)
        for (asset, path, type) in [
            (AssetResponder.stylesheet, PageFrame.stylesheetPath, "text/css; charset=utf-8"),
            (AssetResponder.script, PageFrame.scriptPath, "text/javascript; charset=utf-8"),
        ] {
            let response = await asset.respond(to: Request(method: .get, path: path), in: .sample)
            #expect(response.fields.single(.cacheControl)?.contains("immutable") == true)
            #expect(response.fields.single(.contentType) == type)
            #expect(response.fields.single(FieldName("x-content-type-options")) == "nosniff")
        }
    }

    /// Without it everything still works but passkeys: password, codes and every other form are plain HTML (contract §3).
    @Test func `what needs the script is hidden until the script is there`() throws {
        for (name, _) in PageSamples.passkeyPages {
            let html = try sample(name).1
            for form in html.matches(of: /<form [^>]*data-passkey=[^>]*>/) { #expect(form.0.hasSuffix(" hidden>")) }
            #expect(html.contains("data-passkey="))
        }
    }
}
