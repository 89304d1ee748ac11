import Policy
import Primitives
import Testing

@Suite struct RateLimiterTests {
    private let quota = Quota(rate: 60, window: .seconds(60), burst: 2)
    private let now = MonotonicTime(nanoseconds: 1_000_000_000)

    private func user(_ name: String) -> RateLimiter.Key { .user(UserID(name)) }

    @Test func `keys do not share a limit, whatever their kind`() throws {
        let limiter = RateLimiter()
        let address = try #require(IPAddress("192.0.2.1"))
        let keys: [RateLimiter.Key] = [
            user("ada"), user("ben"), .tool(UserID("ada"), engine: "qarnot", tool: "submit"),
            .tool(UserID("ada"), engine: "qarnot", tool: "delete"), .client("ada", "token"),
            .address("login", address), .address("token", address),
        ]
        for key in keys { #expect(limiter.charge(key, quota, at: now).remaining == 1) }
    }

    @Test func `a key is refused past its burst and admitted when the wait is over`() {
        let limiter = RateLimiter()
        _ = limiter.charge(user("ada"), quota, at: now)
        _ = limiter.charge(user("ada"), quota, at: now)
        let refused = limiter.charge(user("ada"), quota, at: now)
        #expect(!refused.isAllowed)
        #expect(limiter.charge(user("ada"), quota, at: now + refused.wait).isAllowed)
    }

    @Test func `looking charges nothing`() {
        let limiter = RateLimiter()
        for _ in 0..<10 { #expect(limiter.peek(user("ada"), quota, at: now).isAllowed) }
        #expect(limiter.charge(user("ada"), quota, at: now).remaining == 1)
    }

    @Test func `a full shard forgets idle keys first`() {
        let limiter = RateLimiter(shards: 1, capacity: 4)
        for name in ["a", "b", "c"] { _ = limiter.charge(user(name), quota, at: now) }
        let later = now + .seconds(5)
        for _ in 0..<2 { _ = limiter.charge(user("busy"), quota, at: later) }
        // The shard is full; the three idle ones give way and the busy one stays refused.
        #expect(limiter.charge(user("new"), quota, at: later).isAllowed)
        #expect(!limiter.charge(user("busy"), quota, at: later).isAllowed)
    }

    @Test func `a flood of keys cannot grow a shard, and the busiest stay limited`() {
        let limiter = RateLimiter(shards: 1, capacity: 8)
        let wide = Quota(rate: 60, window: .seconds(60), burst: 50)
        for _ in 0..<50 { _ = limiter.charge(user("attacker"), wide, at: now) }
        for index in 0..<1000 { _ = limiter.charge(user("flood\(index)"), wide, at: now) }
        #expect(!limiter.charge(user("attacker"), wide, at: now).isAllowed)
    }

    @Test(arguments: [7, 40])
    func `two hundred at once get burst and rate times time to within one, whatever order they come in (RL-1)`(_ burst: Int) async {
        let quota = Quota(rate: 50, window: .seconds(1), burst: burst)
        let limiter = RateLimiter()
        var passed = 0
        let (steps, stride) = (20, Duration.milliseconds(100))
        for step in 0..<steps {
            let now = self.now + stride * step
            passed += await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<200 { group.addTask { limiter.charge(.user(UserID("crowd")), quota, at: now).isAllowed } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }
        // 50 a second over the time from the first instant to the last.
        let most = burst + Int(Double(steps - 1) * 0.1 * 50)
        #expect(passed <= most && passed >= most - 1)
    }
}
