import Primitives
import Testing

@testable import Policy

@Suite struct QuotaTests {
    /// A bucket of whole nanoseconds that leaks: the same promise as GCRA, told the other way round.
    private struct LeakyBucket {
        let interval: Int64
        let capacity: Int64
        var level: Int64 = 0
        var last: Int64 = 0

        mutating func take(at now: Int64) -> Bool {
            level = max(0, level - (now - last))
            last = now
            guard level + interval <= capacity else { return false }
            level += interval
            return true
        }
    }

    @Test(arguments: [
        Quota(rate: 60, window: .seconds(60), burst: 20), Quota(rate: 120, window: .seconds(60), burst: 40),
        Quota(rate: 10, window: .seconds(3600), burst: 5), Quota(rate: 7, window: .seconds(10), burst: 1),
        Quota(rate: 6, window: .seconds(60), burst: 3),
    ])
    func `the algorithm admits exactly what a leaky bucket admits (RL-1)`(_ quota: Quota) {
        var generator = SplitMix(state: 20_261_121)
        var bucket = LeakyBucket(interval: quota.interval, capacity: quota.interval * Int64(quota.burst))
        var (arrival, now): (Int64, Int64) = (0, 1_000_000)
        for step in 0..<5000 {
            // Mostly hurried, sometimes at the exact interval, sometimes after a rest.
            switch generator.next() % 8 {
            case 0: now += quota.interval
            case 1: now += quota.interval * Int64(generator.next() % 12)
            default: now += Int64(generator.next() % UInt64(quota.interval))
            }
            let (verdict, next) = GCRA.judge(quota, arrival: arrival, at: MonotonicTime(nanoseconds: now))
            let expected = bucket.take(at: now)
            #expect(verdict.isAllowed == expected, "step \(step)")
            if verdict.isAllowed != expected { return }
            arrival = next
        }
    }

    @Test func `a refused request stores nothing and says exactly when to come back (RL-1)`() {
        let quota = Quota(rate: 60, window: .seconds(60), burst: 2)
        let start = MonotonicTime(nanoseconds: 5_000_000_000)
        var arrival: Int64 = 0
        for _ in 0..<2 { arrival = GCRA.judge(quota, arrival: arrival, at: start).1 }
        let (refused, kept) = GCRA.judge(quota, arrival: arrival, at: start)
        #expect(!refused.isAllowed && refused.remaining == 0)
        #expect(kept == arrival)
        #expect(refused.wait == .seconds(1))
        let early = MonotonicTime(nanoseconds: start.nanoseconds + 999_999_999)
        #expect(!GCRA.judge(quota, arrival: arrival, at: early).0.isAllowed)
        #expect(GCRA.judge(quota, arrival: arrival, at: start + refused.wait).0.isAllowed)
    }

    @Test func `what remains counts down through the burst and grows back`() {
        let quota = Quota(rate: 60, window: .seconds(60), burst: 3)
        var arrival: Int64 = 0
        var remaining: [Int] = []
        for second in [0, 0, 0, 0, 1, 3, 100] {
            let (verdict, next) = GCRA.judge(
                quota, arrival: arrival, at: MonotonicTime(nanoseconds: Int64(second + 9) * 1_000_000_000))
            remaining.append(verdict.isAllowed ? verdict.remaining : -1)
            arrival = next
        }
        #expect(remaining == [2, 1, 0, -1, 0, 1, 2])
    }

    @Test func `a class for a crowd multiplies rate and burst (RL-3)`() {
        #expect(
            Quota(rate: 60, window: .seconds(60), burst: 20).multiplied(by: 10)
                == Quota(rate: 600, window: .seconds(60), burst: 200))
    }

    @Test func `a rate or burst below one counts as one`() {
        let quota = Quota(rate: 0, window: .seconds(1), burst: -3)
        #expect(quota.rate == 1 && quota.burst == 1)
        #expect(GCRA.judge(quota, arrival: 0, at: MonotonicTime(nanoseconds: 1)).0.isAllowed)
    }

    @Test func `the header fields are structured fields with whole seconds (RL-4)`() {
        let quota = Quota(rate: 120, window: .seconds(60), burst: 40)
        let verdict = GCRA.Verdict(isAllowed: true, remaining: 37, nanoseconds: 11_001_000_000)
        var headers = RateLimitHeaders()
        headers.add("user", quota, verdict)
        headers.add("tool", quota, verdict)
        #expect(String(decoding: headers.policy.bytes, as: UTF8.self) == "\"user\";q=120;w=60, \"tool\";q=120;w=60")
        #expect(String(decoding: headers.state.bytes, as: UTF8.self) == "\"user\";r=37;t=12, \"tool\";r=37;t=12")
    }
}

/// The generator of Steele, Lea and Flood: the same numbers on every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
