import Client
import Primitives
import Synchronization
import Testing

@Suite struct HostResolverTests {
    @Test func `the system's answer is every address of the name`() {
        let addresses = SystemResolver.systemAddresses("localhost")
        #expect(!addresses.isEmpty && addresses.allSatisfy(\.isLoopback))
        #expect(Set(addresses).count == addresses.count)
    }

    @Test func `a name without address is an error`() async {
        let resolver = SystemResolver(sleeper: ManualSleeper(), lookUp: { _ in [] })
        await #expect { try await resolver.addresses(of: "a.example") } throws: {
            ($0 as? GuardError)?.reason == "name has no address"
        }
    }

    @Test func `a lookup that hangs ends with the timeout`() async {
        let sleeper = ManualSleeper()
        let stuck = Monitor(false)
        let resolver = SystemResolver(sleeper: sleeper, lookUp: { _ in stuck.wait { $0 ? [] : nil } })
        async let outcome: String? = {
            do throws(GuardError) {
                _ = try await resolver.addresses(of: "a.example")
                return nil
            } catch { return error.reason }
        }()
        while !sleeper.release() { await Task.yield() }
        #expect(await outcome == "name lookup timed out")
        stuck.update(wakeAll: true) { $0 = true }
    }
}
