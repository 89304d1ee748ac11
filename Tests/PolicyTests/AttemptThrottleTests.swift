import Policy
import Primitives
import Testing

@Suite struct AttemptThrottleTests {
    private let start = Timestamp(seconds: 1_700_000_000)
    private let here = IPAddress("198.51.100.7")!

    private func ada(_ address: String? = "198.51.100.7", device: String? = nil) -> AttemptThrottle.Attempt {
        AttemptThrottle.Attempt(account: "ada", address: address.flatMap(IPAddress.init), device: device)
    }

    private func delay(after failures: Int, of throttle: AttemptThrottle) -> Duration? {
        for _ in 0..<failures { _ = throttle.failed(ada(), at: start) }
        return throttle.delay(ada(), at: start)
    }

    @Test(
        arguments: [
            (0, nil), (1, nil), (4, nil), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 64), (12, 128), (13, 256),
            (14, 512),
            (15, 900), (16, 900), (100, 900),
        ] as [(Int, Int64?)])
    func `from the fifth failure on the wait doubles from 1 s to 15 minutes (BF-1)`(_ failures: Int, _ seconds: Int64?) {
        #expect(delay(after: failures, of: AttemptThrottle(attempts: 5)) == seconds.map { .seconds($0) })
    }

    @Test func `the wait runs down and ends`() {
        let throttle = AttemptThrottle(attempts: 5)
        #expect(delay(after: 7, of: throttle) == .seconds(4))
        #expect(throttle.delay(ada(), at: start + .seconds(3)) == .seconds(1))
        #expect(throttle.delay(ada(), at: start + .seconds(4)) == nil)
    }

    @Test func `the owner at another address, and another account, are not locked out`() {
        let throttle = AttemptThrottle(attempts: 5, watchesAccounts: true)
        #expect(delay(after: 9, of: throttle) != nil)
        #expect(throttle.delay(ada("198.51.100.8"), at: start) == nil)
        #expect(throttle.delay(AttemptThrottle.Attempt(account: "ben", address: here), at: start) == nil)
    }

    @Test func `one IPv6 network counts as one address`() {
        let throttle = AttemptThrottle(attempts: 5)
        for index in 1...5 { _ = throttle.failed(ada("2600::\(index)"), at: start) }
        #expect(throttle.delay(ada("2600::99"), at: start) == .seconds(1))
        #expect(throttle.delay(ada("2600:0:0:1::1"), at: start) == nil)
    }

    @Test func `guesses from everywhere make strange browsers wait, not the owner's own (BF-1)`() {
        let throttle = AttemptThrottle(attempts: 5, watchesAccounts: true)
        for index in 1...19 { _ = throttle.failed(ada("203.0.113.\(index)"), at: start) }
        #expect(throttle.delay(ada("198.51.100.9"), at: start) == nil)
        _ = throttle.failed(ada("203.0.113.20"), at: start)
        #expect(throttle.delay(ada("198.51.100.9"), at: start) == .seconds(1))
        #expect(throttle.delay(ada("198.51.100.9", device: "d1"), at: start) == nil)
        _ = throttle.succeeded(ada("198.51.100.9", device: "d1"))
        #expect(throttle.delay(ada("198.51.100.10"), at: start) == .seconds(1), "a success clears its own pair alone")
        #expect(throttle.delay(ada("198.51.100.10"), at: start + .seconds(86_400)) == nil)
    }

    @Test func `a stolen device cookie does not multiply guesses by changing addresses (BF-1)`() {
        let throttle = AttemptThrottle(attempts: 5, watchesAccounts: true)
        for index in 1...5 { _ = throttle.failed(ada("203.0.113.\(index)", device: "d1"), at: start) }
        #expect(throttle.delay(ada("203.0.113.200", device: "d1"), at: start) == .seconds(1))
    }

    @Test func `many accounts tried from one address are told once, and again when they doubled (BF-1)`() {
        let throttle = AttemptThrottle(attempts: 5, watchesAccounts: true)
        var alerts: [Int] = []
        for index in 1...25 {
            for _ in 0..<2 {
                let attempt = AttemptThrottle.Attempt(account: "user\(index)", address: here)
                if let alert = throttle.failed(attempt, at: start).alert {
                    #expect(alert.isOneAddress)
                    alerts.append(alert.accounts)
                }
            }
        }
        #expect(alerts == [10, 20])
    }

    @Test func `many accounts tried from many addresses are told as well (BF-1)`() {
        let throttle = AttemptThrottle(attempts: 5, watchesAccounts: true)
        let alerts = (1...60).compactMap { index in
            throttle.failed(
                AttemptThrottle.Attempt(account: "user\(index)", address: IPAddress("203.0.113.\(index)")), at: start
            ).alert
        }
        #expect(alerts == [AttemptThrottle.Spraying(isOneAddress: false, accounts: 50)])
    }

    @Test func `what was counted outlives the process (BF-1)`() {
        let first = AttemptThrottle(attempts: 5, watchesAccounts: true)
        var kept: [[UInt8]: AttemptThrottle.Counter] = [:]
        for _ in 0..<6 { for counter in first.failed(ada(), at: start).changed { kept[counter.key] = counter } }
        let second = AttemptThrottle(attempts: 5, watchesAccounts: true)
        second.restore(Array(kept.values), at: start + .seconds(1))
        #expect(second.delay(ada(), at: start + .seconds(1)) == .seconds(1))
        let late = AttemptThrottle(attempts: 5, watchesAccounts: true)
        late.restore(Array(kept.values), at: start + .seconds(901))
        #expect(late.delay(ada(), at: start + .seconds(901)) == nil)
    }

    @Test func `a success forgets the failures`() {
        let throttle = AttemptThrottle(attempts: 5)
        _ = delay(after: 8, of: throttle)
        #expect(throttle.succeeded(ada()).count == 1)
        #expect(delay(after: 4, of: throttle) == nil)
    }

    @Test func `failures older than the longest wait are forgotten`() {
        let throttle = AttemptThrottle(attempts: 5)
        _ = delay(after: 8, of: throttle)
        _ = throttle.failed(ada(), at: start + .seconds(901))
        #expect(throttle.delay(ada(), at: start + .seconds(901)) == nil)
    }

    @Test func `a limit of one makes the first failure wait`() {
        #expect(delay(after: 1, of: AttemptThrottle(attempts: 1)) == .seconds(1))
    }
}
