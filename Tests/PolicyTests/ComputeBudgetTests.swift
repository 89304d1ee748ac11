import Primitives
import Testing

@testable import Policy

@Suite struct ComputeBudgetTests {
    @Test func `an empty budget allows everything`() {
        let order = ComputeOrder(instances: 10_000, profile: "p", image: "i:latest", usesPool: true)
        #expect(ComputeBudget().judge([order], spent: nil) == .allowed)
    }

    @Test(arguments: [
        ("library/ubuntu:22.04", "library/ubuntu", true), ("library/ubuntu:22.04", "library/ubuntu:22.04", true),
        ("library/ubuntu:24.04", "library/ubuntu:22.04", false), ("library/ubuntu2:1", "library/ubuntu", false),
        ("reg.example:5000/team/app:1", "reg.example:5000/team/app", true), ("team/app:1", "team/*", true),
        ("teams/app:1", "team/*", false), ("evil.example/library/ubuntu:1", "library/ubuntu", false),
    ])
    func `an image matches by repository, tag or beginning`(_ image: String, _ pattern: String, _ matches: Bool) {
        #expect(ComputeBudget.matches(image, pattern) == matches)
    }

    @Test func `instances of one call count together, without overflow`() {
        var budget = ComputeBudget()
        budget.instances = 5
        let three = ComputeOrder(instances: 3)
        #expect(budget.judge([three], spent: nil) == .allowed)
        #expect(budget.judge([three, three], spent: nil) != .allowed)
        #expect(budget.judge([ComputeOrder(instances: .max), three], spent: nil) != .allowed)
    }

    @Test func `unknown spending refuses`() {
        var budget = ComputeBudget()
        budget.eurosPerDay = 1
        #expect(budget.judge([ComputeOrder(instances: 1)], spent: nil) != .allowed)
        #expect(budget.judge([ComputeOrder(instances: 1)], spent: ComputeSpending(euros: 0.99)) == .allowed)
        #expect(budget.judge([ComputeOrder(instances: 1)], spent: ComputeSpending(euros: 1)) != .allowed)
    }

    @Test func `a user's rules are completed by the role's`() {
        var budgets = ComputeBudgets()
        (budgets.roles[.operator], budgets.users["ann"]) = (ComputeBudget(), ComputeBudget())
        budgets.roles[.operator]?.instances = 5
        budgets.roles[.operator]?.allowsPools = false
        budgets.users["ann"]?.instances = 50
        let ann = Principal(
            userID: UserID("u"), username: "ann", role: .operator, scopes: ScopeSet(text: "qarnot:execute"), resource: nil,
            credential: .personalToken, clientID: nil, grantID: nil, tokenReference: "", expiresAt: nil)
        #expect(budgets.budget(for: ann)?.instances == 50 && budgets.budget(for: ann)?.allowsPools == false)
    }
}
