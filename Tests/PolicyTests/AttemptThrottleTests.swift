import Policy
import Primitives
import Testing

@Suite struct AttemptThrottleTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private let here = IPAddress("198.51.100.7")!

    private func delay(after failures: Int, of throttle: AttemptThrottle) -> Duration? {
        for _ in 0..<failures { throttle.failed(account: "ada", address: here, at: start) }
        return throttle.delay(account: "ada", address: here, at: start)
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
        #expect(throttle.delay(account: "ada", address: here, at: start + .seconds(3)) == .seconds(1))
        #expect(throttle.delay(account: "ada", address: here, at: start + .seconds(4)) == nil)
    }

    @Test func `the owner at another address, and another account, are not locked out`() throws {
        let throttle = AttemptThrottle(attempts: 5)
        #expect(delay(after: 9, of: throttle) != nil)
        #expect(throttle.delay(account: "ada", address: try #require(IPAddress("198.51.100.8")), at: start) == nil)
        #expect(throttle.delay(account: "ben", address: here, at: start) == nil)
    }

    @Test func `one IPv6 network counts as one address`() throws {
        let throttle = AttemptThrottle(attempts: 5)
        for index in 1...5 {
            throttle.failed(account: "ada", address: try #require(IPAddress("2600::\(index)")), at: start)
        }
        #expect(throttle.delay(account: "ada", address: try #require(IPAddress("2600::99")), at: start) == .seconds(1))
        #expect(throttle.delay(account: "ada", address: try #require(IPAddress("2600:0:0:1::1")), at: start) == nil)
    }

    @Test func `a success forgets the failures`() {
        let throttle = AttemptThrottle(attempts: 5)
        _ = delay(after: 8, of: throttle)
        throttle.succeeded(account: "ada", address: here)
        #expect(delay(after: 4, of: throttle) == nil)
    }

    @Test func `failures older than the longest wait are forgotten`() {
        let throttle = AttemptThrottle(attempts: 5)
        _ = delay(after: 8, of: throttle)
        throttle.failed(account: "ada", address: here, at: start + .seconds(901))
        #expect(throttle.delay(account: "ada", address: here, at: start + .seconds(901)) == nil)
    }

    @Test func `a limit of one makes the first failure wait`() {
        #expect(delay(after: 1, of: AttemptThrottle(attempts: 1)) == .seconds(1))
    }
}
