import Primitives
import Testing

@testable import App

@Suite struct AssuranceSettingsTests {
    private func load(_ login: String) throws(ConfigurationLoader.Failure) -> Configuration {
        try ConfigurationLoader(environment: [:]).load([ConfigurationLoaderTests.minimal + "login: \(login)\n"])
    }

    @Test func `roles and scopes say which sign-in is enough (MFA-3)`() throws {
        let login = try load(
            "{ require: { admin: phr, operator: 1fa }, step_up: { \"qarnot:admin\": { acr: 2fa, max_age: 15m } } }"
        ).login
        #expect(login.roleAssurance == [.admin: .phishingResistant])
        #expect(login.stepUps == [Scope(engine: "qarnot", permission: .admin): StepUp(.multiple, maximumAge: .seconds(900))])
        #expect(try load("{ attempts: 5 }").login.roleAssurance.isEmpty)
    }

    @Test(arguments: [
        ("{ require: { boss: phr } }", "login.require.boss"), ("{ require: { admin: gold } }", "login.require.admin"),
        ("{ step_up: { qarnot: { acr: 2fa } } }", "login.step_up.qarnot"),
        ("{ step_up: { \"qarnot:admin\": { acr: 3fa } } }", "login.step_up.qarnot:admin.acr"),
        ("{ step_up: { \"qarnot:admin\": { max_age: 1s } } }", "login.step_up.qarnot:admin.max_age"),
    ])
    func `a mistake is reported at its place`(_ login: String, _ path: String) {
        do throws(ConfigurationLoader.Failure) {
            _ = try load(login)
            Issue.record("accepted")
        } catch { #expect(error.problems.map(\.path) == [path]) }
    }
}
