import HTTP
import Primitives
import Testing

@testable import OAuth

/// Authenticator apps and recovery codes (RFC 6238; MFA-1).
struct SecondFactorTests {
    /// A world whose user has an app, and the codes it was given.
    private func enrolled() async throws -> (world: World, app: TimeBasedCode, codes: [String]) {
        let world = try await World()
        let secret = try await world.factor.begin(for: .ada, at: world.now)
        let app = TimeBasedCode(secret: secret)
        let code = app.code(step: TimeBasedCode.step(at: world.now))
        let codes = try #require(try await world.factor.confirm(code, of: .ada, at: world.now))
        world.advance(.seconds(30))
        return (world, app, codes)
    }

    private func code(_ app: TimeBasedCode, _ world: World, steps: Int64 = 0) -> String {
        app.code(step: TimeBasedCode.step(at: world.now) + steps)
    }

    @Test(
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] as [(Int64, String)])
    func `codes are those of RFC 6238 appendix B`(_ seconds: Int64, _ expected: String) {
        let app = TimeBasedCode(secret: Secret("12345678901234567890"))
        #expect(app.code(step: TimeBasedCode.step(at: Timestamp(seconds: seconds))) == expected)
    }

    @Test func `a secret is shown in the Base32 of RFC 4648`() {
        #expect(TimeBasedCode.base32(Secret("foobar")) == "MZXW6YTBOI")
        #expect(TimeBasedCode.base32(TimeBasedCode.freshSecret()).count == 32)
    }

    @Test func `one step early or late is right, two are not, and no code counts twice`() async throws {
        let (world, app, _) = try await enrolled()
        func verify(_ steps: Int64) async throws -> SecondFactor.Outcome {
            try await world.factor.verify(code(app, world, steps: steps), of: .ada, at: world.now)
        }
        #expect(try await verify(-2) == .wrong)
        #expect(try await verify(2) == .wrong)
        #expect(try await verify(0) == .right)
        #expect(try await verify(0) == .wrong, "a code that was seen")
        #expect(try await verify(1) == .right)
        #expect(try await verify(0) == .wrong, "an earlier step")
    }

    @Test func `ten recovery codes work once each, however they are typed`() async throws {
        let (world, _, codes) = try await enrolled()
        #expect(codes.count == 10 && Set(codes).count == 10)
        let typed = codes[3].uppercased().replacing("-", with: " ")
        #expect(try await world.factor.verify(typed, of: .ada, at: world.now) == .recoveryCodeUsed)
        #expect(try await world.factor.verify(codes[3], of: .ada, at: world.now) == .wrong)
        #expect(try await world.factor.recoveryCodesLeft(of: .ada) == 9)
    }

    @Test func `the code is asked after the right password alone, and sign-in ends in the consent page`() async throws {
        let (world, app, _) = try await enrolled()
        var browser = Browser(world)
        let login = await browser.open()
        #expect(await browser.signIn(on: login, password: "wrong").page == "login")
        let ask = await browser.signIn(on: login)
        #expect(ask.page == "second factor" && browser.cookies.count == 1, "no session yet")
        let fields: [(String, String)] = ["transaction", "token", "account", "passed"].map { ($0, ask.json[$0]?.string ?? "") }
        let wrong = await browser.post("/login", fields + [("otp", "000000")])
        #expect(wrong.status == .unauthorized && wrong.page == "second factor")
        #expect(wrong.event("auth.mfa.challenge")?.outcome == .failure)
        let right = await browser.post("/login", fields + [("otp", code(app, world))])
        #expect(right.status == .seeOther && right.event("auth.login") != nil)
        let transaction = login.json["transaction"]?.string ?? ""
        #expect(await browser.get("/consent", [("transaction", transaction)]).page == "consent")
    }

    @Test func `the proof of the password is worth nothing elsewhere, later or for another user`() async throws {
        let (world, app, _) = try await enrolled()
        var browser = Browser(world)
        let login = await browser.open()
        let ask = await browser.signIn(on: login)
        let fields: [(String, String)] = ["transaction", "token", "account", "passed"].map { ($0, ask.json[$0]?.string ?? "") }
        func changed(_ name: String, _ value: String) -> [(String, String)] { fields.map { $0.0 == name ? (name, value) : $0 } }
        let otp = [("otp", code(app, world))]
        #expect(await browser.post("/login", changed("account", "u-eve") + otp).page == "login")
        #expect(await browser.post("/login", changed("passed", "\(world.now.milliseconds - 1)") + otp).page == "login")
        var other = Browser(world)
        let second = await other.open()
        let foreign = changed("transaction", second.json["transaction"]?.string ?? "")
        #expect(await other.post("/login", foreign + otp).page == "login")
        world.advance(.seconds(601))
        #expect(await browser.post("/login", fields + [("otp", code(app, world))]).page != "consent")
        #expect(browser.cookies.count == 1)
    }

    @Test func `until it is confirmed nothing is asked, and removing it forgets secret and codes`() async throws {
        let world = try await World()
        _ = try await world.factor.begin(for: .ada, at: world.now)
        #expect(try await !world.factor.kinds(of: .ada).isRequired)
        #expect(try await world.factor.confirm("000000", of: .ada, at: world.now) == nil)
        let (other, _, _) = try await enrolled()
        #expect(try await other.factor.remove(of: .ada))
        #expect(try await !other.factor.kinds(of: .ada).isRequired)
        #expect(await other.factorSecrets.secret(of: User.ada.id) == nil)
    }

    @Test func `an app that was never confirmed is forgotten after a quarter of an hour`() async throws {
        let world = try await World()
        let app = TimeBasedCode(secret: try await world.factor.begin(for: .ada, at: world.now))
        world.advance(.seconds(900))
        #expect(try await world.factor.pendingSecret(of: .ada, at: world.now) != nil)
        world.advance(.seconds(1))
        #expect(try await world.factor.confirm(code(app, world), of: .ada, at: world.now) == nil)
        #expect(await world.factorSecrets.secret(of: User.ada.id) == nil)
        let again = TimeBasedCode(secret: try await world.factor.begin(for: .ada, at: world.now))
        #expect(try await world.factor.confirm(code(again, world), of: .ada, at: world.now)?.count == 10)
    }
}
