import Policy
import Primitives
import Testing

@testable import App

@Suite struct BudgetSettingsTests {
    private func load(_ budgets: String) throws(ConfigurationLoader.Failure) -> Configuration {
        let base = """
            server:
              public_url: https://gate.example.com
              tls: { certificate: /a, key: /b }
            engines:
              qarnot:
                budgets: \(budgets)
            """
        return try ConfigurationLoader(environment: [:]).load([base])
    }

    @Test func `budgets are read by role and by user`() throws {
        let budgets = try load(
            "{ roles: { operator: { max_instances: 5, pools: off, images: [a, b] } }, users: { ann: { euros_per_day: 2.5 } } }"
        ).engines.qarnotBudgets
        #expect(budgets.roles[.operator]?.instances == 5 && budgets.roles[.operator]?.allowsPools == false)
        #expect(budgets.roles[.operator]?.images == ["a", "b"] && budgets.roles[.operator]?.profiles == nil)
        #expect(budgets.users["ann"]?.eurosPerDay == 2.5 && budgets.roles[.viewer] == nil)
    }

    @Test(arguments: [
        ("{ roles: { boss: {} } }", "engines.qarnot.budgets.roles.boss"),
        ("{ users: { ann: { euros_per_day: much } } }", "engines.qarnot.budgets.users.ann.euros_per_day"),
        ("{ users: { ann: { max_cores: 5 } } }", "engines.qarnot.budgets.users.ann.max_cores"),
        ("{ users: { ann: { pools: never } } }", "engines.qarnot.budgets.users.ann.pools"),
    ])
    func `a mistake is reported at its place`(_ budgets: String, _ path: String) {
        do throws(ConfigurationLoader.Failure) {
            _ = try load(budgets)
            Issue.record("accepted")
        } catch {
            #expect(error.problems.map(\.path) == [path])
        }
    }
}
