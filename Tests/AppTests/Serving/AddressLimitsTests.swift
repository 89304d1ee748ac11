import Policy
import Primitives
import Testing

@testable import App

@Suite struct AddressLimitsTests {
    private static let stranger = IPAddress.sample("192.0.2.1")
    private static let now = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// How many requests of one instant are admitted.
    private func admitted(
        _ kind: AddressLimits.Kind, _ address: IPAddress, _ change: (inout Configuration.Limits) -> Void = { _ in }
    ) -> Int {
        var limits = Configuration.Limits()
        limits.address = Quota(rate: 60, window: .seconds(60), burst: 3)
        limits.register = Quota(rate: 10, window: .seconds(3600), burst: 2)
        change(&limits)
        let subject = AddressLimits(limits: limits, limiter: RateLimiter())
        return (0..<200).count { _ in subject.charge(kind, address, at: Self.now) == nil }
    }

    private func network(_ text: String, _ change: (inout Configuration.NetworkLimit) -> Void = { _ in })
        -> Configuration.NetworkLimit
    {
        var limit = Configuration.NetworkLimit(network: .sample(text))
        change(&limit)
        return limit
    }

    @Test func `an address has its burst, each kind of route its own`() {
        #expect(admitted(.address, Self.stranger) == 3)
        #expect(admitted(.register, Self.stranger) == 2)
    }

    @Test func `a limit that is off refuses nobody`() {
        #expect(admitted(.address, Self.stranger) { $0.address = nil } == 200)
        #expect(admitted(.register, Self.stranger) { $0.register = nil } == 200)
    }

    @Test func `a configured network gets ten times as much of every limit (RL-3, contract §9)`() {
        #expect(admitted(.address, Self.stranger) { $0.networks = [network("192.0.2.0/24")] } == 30)
        #expect(admitted(.register, Self.stranger) { $0.networks = [network("192.0.2.0/24")] } == 20)
    }

    @Test func `the factor may be another`() {
        #expect(admitted(.register, Self.stranger) { $0.networks = [network("192.0.2.0/24") { $0.factor = 4 }] } == 8)
    }

    @Test func `a network's own address quota replaces the general one, others take the factor`() {
        let own = network("192.0.2.0/24") { $0.address = Quota(rate: 60, window: .seconds(60), burst: 7) }
        #expect(admitted(.address, Self.stranger) { $0.networks = [own] } == 7)
        #expect(admitted(.register, Self.stranger) { $0.networks = [own] } == 20)
    }

    @Test func `off frees a network of the general limit alone`() {
        let off = network("192.0.2.0/24") { $0.isAddressOff = true }
        #expect(admitted(.address, Self.stranger) { $0.networks = [off] } == 200)
        #expect(admitted(.register, Self.stranger) { $0.networks = [off] } == 20)
    }

    @Test func `addresses outside a network keep the general limit`() {
        #expect(admitted(.address, .sample("192.0.3.1")) { $0.networks = [network("192.0.2.0/24")] } == 3)
    }

    @Test func `neighbours in one IPv6 network share a limit, and the wait is told`() {
        var limits = Configuration.Limits()
        limits.address = Quota(rate: 60, window: .seconds(60), burst: 1)
        let subject = AddressLimits(limits: limits, limiter: RateLimiter())
        #expect(subject.charge(.address, .sample("2001:db8:0:1::1"), at: Self.now) == nil)
        #expect(subject.charge(.address, .sample("2001:db8:0:1:ffff::9"), at: Self.now)?.wait == .seconds(1))
        #expect(subject.charge(.address, .sample("2001:db8:0:2::1"), at: Self.now) == nil)
    }

    @Test func `a whole /64 of IPv6 shares a limit, the next /64 has its own (RL-1)`() throws {
        var limits = Configuration.Limits()
        limits.address = Quota(rate: 60, window: .seconds(60), burst: 3)
        let subject = AddressLimits(limits: limits, limiter: RateLimiter())
        let addresses = try ["2001:db8::1", "2001:db8::ffff", "2001:db8:0:0:1234:5678:9abc:def0", "2001:db8::2"].map {
            try #require(IPAddress($0))
        }
        #expect(addresses.map { subject.charge(.address, $0, at: Self.now) == nil } == [true, true, true, false])
        #expect(subject.charge(.address, try #require(IPAddress("2001:db8:0:1::1")), at: Self.now) == nil)
    }

    @Test func `in dry_run a limit counts what it would refuse, and refuses nobody`() {
        var limits = Configuration.Limits()
        limits.address = Quota(rate: 60, window: .seconds(60), burst: 3)
        limits.isDryRun = true
        let subject = AddressLimits(limits: limits, limiter: RateLimiter())
        for _ in 0..<10 { #expect(subject.charge(.address, Self.stranger, at: Self.now) == nil) }
        #expect(subject.metrics.count("address", isDry: true) == 7 && subject.metrics.count("address") == 0)
    }
}
