import Policy
import Primitives
import Testing

@Suite struct ToolPolicyTests {
    private func caller(_ role: Role, _ scopes: String) -> Principal {
        Principal(
            userID: UserID("u"), username: "ada", role: role, scopes: ScopeSet(text: scopes), resource: nil,
            credential: .accessToken,
            clientID: nil, grantID: nil, tokenReference: "00000000", expiresAt: nil)
    }

    /// For each role, what a token with full scopes may do.
    @Test(arguments: Role.allCases, Permission.allCases)
    func `the role bounds every token (contract §4)`(_ role: Role, _ needed: Permission) {
        let verdict = ToolPolicy.judge(caller(role, "qarnot:admin"), engine: "qarnot", needs: needed)
        #expect(verdict == (needed <= role.permission ? .allowed : .beyondRole))
    }

    @Test(arguments: Permission.allCases, Permission.allCases)
    func `a higher class includes the lower ones, and a missing one is named (RS-8)`(_ held: Permission, _ needed: Permission) {
        let verdict = ToolPolicy.judge(caller(.admin, "qarnot:\(held.text)"), engine: "qarnot", needs: needed)
        #expect(verdict == (needed <= held ? .allowed : .needsScope(Scope(engine: "qarnot", permission: needed))))
    }

    @Test(arguments: ["", "other:admin", "qarnot", "qarnot:everything"])
    func `scopes of other engines and unknown words give nothing`(_ scopes: String) {
        let verdict = ToolPolicy.judge(caller(.admin, scopes), engine: "qarnot", needs: .read)
        #expect(verdict == .needsScope(Scope(engine: "qarnot", permission: .read)))
    }

    @Test func `a scope remedy is never offered where the role does not reach`() {
        #expect(ToolPolicy.judge(caller(.viewer, ""), engine: "qarnot", needs: .execute) == .beyondRole)
    }
}

@Suite struct ConcurrencyCapTests {
    @Test func `a user has so many calls at once, and a place left is a place free (RL-2)`() {
        let cap = ConcurrencyCap(limit: 2)
        let (ada, ben) = (UserID("ada"), UserID("ben"))
        #expect(cap.enter(ada) && cap.enter(ada))
        #expect(!cap.enter(ada))
        #expect(cap.enter(ben))
        cap.leave(ada)
        #expect(cap.enter(ada))
        #expect(!cap.enter(ada))
    }
    @Test func `those beyond the cap come in as others leave, in their order`() async {
        let cap = ConcurrencyCap(limit: 1)
        let ada = UserID("ada")
        #expect(cap.enter(ada))
        let first = Task { await cap.enterWhenFree(ada) }
        await Task.yield()
        let gone = Task { await cap.enterWhenFree(ada) }
        gone.cancel()
        #expect(await gone.value == false)
        cap.leave(ada)
        #expect(await first.value)
        #expect(!cap.enter(ada))
        cap.leave(ada)
        #expect(cap.enter(ada))
    }
}
