import Primitives
import Proxy
import Testing

@Suite struct SealerTests {
    private static func principal(_ user: String) -> Principal {
        Principal(
            userID: UserID(user), username: user, role: .admin, scopes: ScopeSet([]), resource: nil, credential: .personalToken,
            clientID: nil, grantID: nil, tokenReference: "", expiresAt: nil)
    }

    private func sealer(_ upstream: String = "docs", at milliseconds: Int64 = 1000) -> Sealer {
        Sealer(key: Secret([UInt8](repeating: 7, count: 32)), upstream: upstream, clock: { Timestamp(milliseconds: milliseconds) })
    }

    @Test func `what was sealed comes back to its owner alone`() {
        let (ann, bob) = (Self.principal("ann"), Self.principal("bob"))
        let handle = sealer().seal("page 2", .cursor, for: ann, context: "tools/list")
        #expect(sealer().open(handle, .cursor, for: ann, context: "tools/list") == "page 2")
        #expect(sealer().open(handle, .cursor, for: bob, context: "tools/list") == nil)
        #expect(sealer().open(handle, .state, for: ann, context: "tools/list") == nil)
        #expect(sealer().open(handle, .cursor, for: ann, context: "prompts/list") == nil)
        #expect(sealer("other").open(handle, .cursor, for: ann, context: "tools/list") == nil)
    }

    @Test func `a handle with any character changed is unknown`() {
        let ann = Self.principal("ann")
        let handle = sealer().seal("s", .session, for: ann)
        for index in handle.indices {
            var changed = handle
            changed.replaceSubrange(index...index, with: handle[index] == "A" ? "B" : "A")
            #expect(sealer().open(changed, .session, for: ann) == nil)
        }
        #expect(sealer().open("", .session, for: ann) == nil)
        #expect(handle.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    }

    @Test func `a handle ends with its time`() {
        let ann = Self.principal("ann")
        let handle = sealer(at: 1000).seal("s", .state, for: ann, lifetime: .seconds(1))
        #expect(sealer(at: 1999).open(handle, .state, for: ann) == "s")
        #expect(sealer(at: 2000).open(handle, .state, for: ann) == nil)
    }
}
