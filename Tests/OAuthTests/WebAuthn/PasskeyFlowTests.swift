import HTTP
import Primitives
import Testing

@testable import Crypto
@testable import OAuth

/// Passkeys in the sign-in of an authorization, and as they are kept (MFA-2).
struct PasskeyFlowTests {
    /// A world whose user has a passkey, on an authenticator that knows them.
    private func enrolled(_ name: String = "Laptop") async throws -> (world: World, device: SoftAuthenticator) {
        let world = try await World()
        var device = try SoftAuthenticator()
        try await add(&device, to: .ada, in: world, name: name)
        return (world, device)
    }

    @discardableResult
    private func add(
        _ device: inout SoftAuthenticator, to user: User, in world: World, name: String = "Laptop"
    ) async throws -> Result<[String], PasskeyFault> {
        let passkeys = try #require(world.passkeys)
        let browser = try await Browser.cookied(world)
        let request = browser.dressed(.get("/account"))
        let (prompt, handle) = try #require(try await passkeys.registrationPrompt(of: user, request, at: world.now))
        device.userHandle = try #require(Base64.decode(handle))
        let form = try Parameters(parsing: Request.query(try device.registrationFields(prompt) + [("name", name)]))
        device.counter += 1
        guard case .good(let credential, let name) = try await passkeys.registration(form, of: user, request, at: world.now) else {
            throw PasskeyFault.malformed
        }
        return try await passkeys.add(credential, name: name, of: user, at: world.now)
    }

    private func hidden(_ page: Response) -> [(String, String)] {
        ["transaction", "token", "account", "passed"].compactMap { name in
            page.json[name]?.string.map { (name, $0) }
        }
    }

    // MARK: - The only factor

    @Test func `a passkey that checks its owner signs in by itself`() async throws {
        let (world, device) = try await enrolled()
        var browser = Browser(world)
        let login = await browser.open()
        let answer = await browser.post("/login", hidden(login) + (try device.assertionFields(try #require(login.passkeyPrompt))))
        #expect(answer.status == .seeOther)
        #expect(answer.event("auth.login")?.details.first { $0.key == "method" }?.value == "passkey")
        let session = try #require(try await world.browserSessions.current(browser.dressed(.get("/account")), at: world.now))
        #expect(session.user.name == "ada" && session.methods.methods == [.passkey, .verified])
        let transaction = login.json["transaction"]?.string ?? ""
        #expect(await browser.get("/consent", [("transaction", transaction)]).page == "consent")
    }

    private func refusal(
        _ world: World, _ change: (inout Browser, inout [(String, String)]) async throws -> Void = { _, _ in },
        by device: SoftAuthenticator
    ) async throws -> Response {
        var browser = Browser(world)
        let login = await browser.open()
        var fields = hidden(login) + (try device.assertionFields(try #require(login.passkeyPrompt)))
        try await change(&browser, &fields)
        let answer = await browser.post("/login", fields)
        #expect(try await world.browserSessions.current(browser.dressed(.get("/account")), at: world.now) == nil)
        return answer
    }

    @Test func `without the check of its owner, for nobody or for somebody else it opens nothing`() async throws {
        let (world, device) = try await enrolled()
        var lazy = device
        lazy.flags = [.userPresent]
        #expect(try await refusal(world, by: lazy).event("auth.login")?.reason == "verification")
        var anonymous = device
        anonymous.userHandle = []
        #expect(try await refusal(world, by: anonymous).event("auth.login")?.reason == "unknown")
        var liar = device
        liar.userHandle = Random.bytes(64)
        #expect(try await refusal(world, by: liar).event("auth.login")?.reason == "unknown")
        let stranger = try SoftAuthenticator()
        let answer = try await refusal(world, by: stranger)
        #expect(answer.status == .unauthorized && answer.page == "login" && answer.event("auth.login")?.reason == "unknown")
    }

    @Test func `a challenge counts once, in its own browser and transaction, for five minutes`() async throws {
        let (world, device) = try await enrolled()
        var browser = Browser(world)
        let login = await browser.open()
        let prompt = try #require(login.passkeyPrompt)
        let fields = hidden(login) + (try device.assertionFields(prompt))
        #expect(await browser.post("/login", fields).status == .seeOther)
        var again = device
        again.counter += 1
        let replay = await browser.post("/login", hidden(login) + (try again.assertionFields(prompt)))
        #expect(replay.event("auth.login")?.reason == "challenge", "used before")

        var other = Browser(world)
        let otherLogin = await other.open()
        var third = Browser(world)
        let thirdPrompt = try #require(await third.open().passkeyPrompt)
        let foreign = await other.post("/login", hidden(otherLogin) + (try again.assertionFields(thirdPrompt)))
        #expect(foreign.event("auth.login")?.reason == "challenge", "another browser's")

        let first = await other.open()
        let second = await other.open()
        let swapped = await other.post(
            "/login", hidden(first) + (try again.assertionFields(try #require(second.passkeyPrompt))))
        #expect(swapped.event("auth.login")?.reason == "challenge", "another transaction's")

        let old = try #require(second.passkeyPrompt)
        world.advance(.seconds(301))
        let late = await other.post("/login", hidden(second) + (try again.assertionFields(old)))
        #expect(late.event("auth.login")?.reason == "challenge" && late.json["notice"]?.string?.contains("too long") == true)
    }

    @Test func `a ticket of our own making is none`() async throws {
        let (world, device) = try await enrolled()
        let answer = try await refusal(
            world,
            { _, fields in
                let place = try #require(fields.firstIndex { $0.0 == "passkey_ticket" })
                let parts = fields[place].1.split(separator: ".")
                fields[place].1 = "\(parts[0]).\(try #require(Int64(parts[1])) + 1).\(parts[2])"
            }, by: device)
        #expect(answer.event("auth.login")?.reason == "challenge")
    }

    @Test func `a copied authenticator is found out, refused and reported`() async throws {
        let (world, original) = try await enrolled()
        var used = original
        used.counter = 9
        var browser = Browser(world)
        let login = await browser.open()
        let fields = hidden(login) + (try used.assertionFields(try #require(login.passkeyPrompt)))
        #expect(await browser.post("/login", fields).status == .seeOther)
        var copy = original
        for counter in [9, 3, 0] as [UInt32] {
            copy.counter = counter
            let answer = try await refusal(world, by: copy)
            let event = try #require(answer.event("auth.session.anomaly"))
            #expect(event.subject == "ada" && event.severity == .critical && event.reason == "counter")
            #expect(answer.json["notice"]?.string?.contains("cannot be trusted") == true)
        }
        #expect(try await world.passkeys?.list(of: .ada).first?.counter == 9)
    }

    @Test func `of two uses with one number one counts`() async throws {
        let (world, device) = try await enrolled()
        let isFirst = try await world.passkeyStore.use(device.credentialID, counter: 7, isBackedUp: false, at: world.now)
        let isSecond = try await world.passkeyStore.use(device.credentialID, counter: 7, isBackedUp: false, at: world.now)
        #expect(isFirst && !isSecond)
    }

    @Test func `a disabled user's passkey opens nothing`() async throws {
        let (world, device) = try await enrolled()
        try await world.users.setDisabled(true, of: User.ada.id, at: world.now)
        #expect(try await refusal(world, by: device).event("auth.login")?.reason == "unknown")
    }

    // MARK: - The second factor

    @Test func `after the password the passkey is asked for, and a verified person is not needed`() async throws {
        let (world, enrolled) = try await enrolled()
        var device = enrolled
        device.flags = [.userPresent]
        device.userHandle = []
        var browser = Browser(world)
        let ask = await browser.signIn(on: await browser.open())
        #expect(ask.page == "second factor" && ask.json["app"] == false)
        #expect(ask.passkeyPrompt?.credentials == [Base64.encode(device.credentialID)])
        let fields = hidden(ask) + (try device.assertionFields(try #require(ask.passkeyPrompt)))
        let right = await browser.post("/login", fields.filter { !$0.1.isEmpty })
        #expect(right.status == .seeOther && right.event("auth.mfa.challenge")?.outcome == .success)
        let session = try await world.browserSessions.current(browser.dressed(.get("/account")), at: world.now)
        #expect(session?.methods.methods == [.password, .passkey])
    }

    @Test func `another user's passkey, or the challenge of the first page, is no second factor`() async throws {
        let (world, device) = try await enrolled()
        let eve = User(id: UserID("u-eve"), name: "eve", role: .viewer, isDisabled: false, createdAt: world.now)
        try await world.users.insert(eve, passwordHash: "right")
        var hers = try SoftAuthenticator()
        try await add(&hers, to: eve, in: world)
        var browser = Browser(world)
        let login = await browser.open()
        let ask = await browser.signIn(on: login)
        let foreign = await browser.post("/login", hidden(ask) + (try hers.assertionFields(try #require(ask.passkeyPrompt))))
        #expect(foreign.status == .unauthorized && foreign.event("auth.mfa.challenge")?.reason == "unknown")
        let next = try #require(login.passkeyPrompt)
        let wrongChallenge = await browser.post("/login", hidden(ask) + (try device.assertionFields(next)))
        #expect(wrongChallenge.event("auth.mfa.challenge")?.reason == "challenge")
    }

    @Test func `the first factor brings recovery codes, which work where no script runs and go with the last factor`() async throws
    {
        let world = try await World()
        var device = try SoftAuthenticator()
        let codes = try await add(&device, to: .ada, in: world).get()
        #expect(codes.count == 10)
        #expect(try await world.factor.recoveryCodesLeft(of: .ada) == 10)
        var second = try SoftAuthenticator()
        #expect(try await add(&second, to: .ada, in: world).get().isEmpty, "there are codes already")
        var browser = Browser(world)
        let ask = await browser.signIn(on: await browser.open())
        let answer = await browser.post("/login", hidden(ask) + [("otp", codes[0])])
        #expect(answer.status == .seeOther && answer.event("mfa.recovery_used") != nil)
        for passkey in try await world.passkeys?.list(of: .ada) ?? [] {
            #expect(try await world.passkeys?.remove(id: passkey.id, of: .ada) == true)
        }
        #expect(try await world.factor.recoveryCodesLeft(of: .ada) == nil)
        #expect(try await world.factor.verify(codes[1], of: .ada, at: world.now) == .wrong)
    }

    // MARK: - Keeping them

    @Test func `a credential id belongs to one user`() async throws {
        let (world, device) = try await enrolled()
        let eve = User(id: UserID("u-eve"), name: "eve", role: .viewer, isDisabled: false, createdAt: world.now)
        try await world.users.insert(eve, passwordHash: "right")
        var same = device
        guard case .failure(.taken) = try await add(&same, to: eve, in: world) else {
            Issue.record("taken twice")
            return
        }
        #expect(try await world.passkeys?.list(of: eve).isEmpty == true)
    }

    @Test func `a user has ten at most, each with a name`() async throws {
        let world = try await World()
        for number in 0..<Passkeys.maximumPerUser {
            var device = try SoftAuthenticator()
            _ = try await add(&device, to: .ada, in: world, name: number == 0 ? "   " : String(repeating: "x", count: 90)).get()
        }
        var last = try SoftAuthenticator()
        guard case .failure(.tooMany) = try await add(&last, to: .ada, in: world) else {
            Issue.record("an eleventh")
            return
        }
        let names = try await world.passkeys?.list(of: .ada).map(\.name) ?? []
        #expect(Set(names) == ["Passkey", String(repeating: "x", count: 40)])
    }

    @Test func `only the owner removes one, and a user's handle and passkeys go with the user`() async throws {
        let (world, device) = try await enrolled()
        let id = try #require(try await world.passkeys?.list(of: .ada).first?.id)
        #expect(try await world.passkeyStore.remove(id: id, of: UserID("u-eve")) == false)
        try await world.users.remove(User.ada.id)
        #expect(try await world.passkeyStore.passkey(device.credentialID) == nil)
        #expect(try await world.passkeyStore.user(ofHandle: device.userHandle) == nil)
    }

    @Test func `a confirmation is for one action alone`() async throws {
        let (world, device) = try await enrolled()
        let passkeys = try #require(world.passkeys)
        let request = try await Browser.cookied(world).dressed(.get("/account"))
        let prompt = try #require(
            try await passkeys.confirmationPrompt(for: "remove-passkey p1", of: .ada, request, at: world.now))
        let form = try Parameters(parsing: Request.query(try device.assertionFields(prompt)))
        guard case .refused(.challenge, _) = try await passkeys.confirm(form, "remove-passkey p2", of: .ada, request, at: world.now)
        else {
            Issue.record("one proof for two things")
            return
        }
        guard case .verified = try await passkeys.confirm(form, "remove-passkey p1", of: .ada, request, at: world.now) else {
            Issue.record("refused")
            return
        }
    }

    // MARK: - Outside of an authorization

    @Test func `the plain sign-in page takes a passkey too`() async throws {
        let (world, device) = try await enrolled()
        let browser = try await Browser.cookied(world)
        let passkeys = try #require(world.passkeys)
        let prompt = try #require(passkeys.signInPrompt(browser.dressed(.get("/login")), cookie: nil, at: world.now))
        let request = browser.dressed(.form("/login", try device.assertionFields(prompt)))
        let form = try request.form()
        guard case .success(_, _, let events) = await world.signIn.attempt(form, request, .sample, at: world.now) else {
            Issue.record("refused")
            return
        }
        #expect(events.first?.details.first?.value == "passkey")
        guard case .refusedPasskey = await world.signIn.attempt(form, request, .sample, at: world.now) else {
            Issue.record("a challenge counted twice")
            return
        }
    }
}

extension Browser {
    /// One that has the cookie of a page it opened.
    static func cookied(_ world: World) async throws -> Browser {
        var browser = Browser(world)
        _ = await browser.open()
        return browser
    }
}
