import Primitives
import Testing

@testable import OAuth

struct InvitationTests {
    @Test func `a link sets the first password once, within a day (PW-3)`() async throws {
        let world = try await World()
        let invitations = Invitations(store: world.factors, users: world.users, hasher: world.hasher)
        let first = try await invitations.invite(.ada, at: world.now).exposeText()
        let second = try await invitations.invite(.ada, at: world.now).exposeText()
        #expect(try await invitations.user(of: first, at: world.now) == nil, "a newer link ends the older")
        #expect(try await invitations.user(of: second, at: world.now)?.name == "ada")
        #expect(try await invitations.accept(second, hash: "new", at: world.now))
        #expect(try await !invitations.accept(second, hash: "newer", at: world.now))
        #expect(try await world.users.passwordHash(of: User.ada.id) == "new")
        let third = try await invitations.invite(.ada, at: world.now).exposeText()
        world.advance(.seconds(86_401))
        #expect(try await invitations.user(of: third, at: world.now) == nil)
    }
}
