import Primitives
import Testing

@testable import MCP

@Suite struct HandleSealerTests {
    private let clock = ManualClock()
    private var sealer: HandleSealer { HandleSealer(cipher: TestCipher(), clock: { [clock] in clock.now }) }
    private static let parts: [[UInt8]] = [Array("tools/call".utf8), Array("x".utf8)]

    private func seal(_ owner: HandleSealer.Owner = .grant) -> String {
        sealer.seal(["a": 1], .state, of: .make("u"), owner, Self.parts, lifetime: .seconds(600))
    }

    @Test func `whoever it was made for opens it`() {
        #expect(sealer.open(seal(), .state, of: .make("u"), .grant, Self.parts) == ["a": 1])
    }

    @Test(arguments: [Principal.make("v"), .make("u", client: "d"), .make("u", grant: "h"), .make("u", client: nil), nil])
    func `another user, client or grant does not`(_ caller: Principal?) {
        #expect(sealer.open(seal(), .state, of: caller, .grant, Self.parts) == nil)
    }

    @Test func `an owner may be the user alone, or user and client`() {
        #expect(sealer.open(seal(.user), .state, of: .make("u", client: nil, grant: nil), .user, Self.parts) != nil)
        #expect(sealer.open(seal(.userAndClient), .state, of: .make("u", grant: "h"), .userAndClient, Self.parts) != nil)
        #expect(sealer.open(seal(.userAndClient), .state, of: .make("u", client: "d"), .userAndClient, Self.parts) == nil)
    }

    @Test func `another kind, part, endpoint or key does not open it, nor does time`() {
        let (handle, caller) = (seal(), Principal.make("u"))
        #expect(sealer.open(handle, .cursor, of: caller, .grant, Self.parts) == nil)
        #expect(sealer.open(handle, .state, of: caller, .grant, [Self.parts[0]]) == nil)
        #expect(sealer.open(handle, .state, of: caller, .grant, [Array("tools/callx".utf8), []]) == nil)
        #expect(sealer.scoped(to: "other").open(handle, .state, of: caller, .grant, Self.parts) == nil)
        #expect(HandleSealer(cipher: TestCipher(key: 2)).open(handle, .state, of: caller, .grant, Self.parts) == nil)
        clock.pass(.seconds(601))
        #expect(sealer.open(handle, .state, of: caller, .grant, Self.parts) == nil)
    }

    @Test(arguments: ["", "x", "====", String(repeating: "A", count: 20_000)])
    func `what is no handle opens nothing`(_ text: String) {
        #expect(sealer.open(text, .state, of: .make("u"), .grant, Self.parts) == nil)
    }

    @Test func `a single use is one use`() {
        let spent = SpentHandles()
        #expect(spent.spend("a", lifetime: .seconds(600)) && !spent.spend("a", lifetime: .seconds(600)))
        #expect(spent.spend("b", lifetime: .seconds(600)))
    }
}
