import Client
import Primitives
import Testing

@Suite struct HostBreakerTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func `a host that keeps failing is left alone, longer each time, and one success clears it (SSRF-5)`() {
        let breaker = HostBreaker()
        for _ in 1...4 { breaker.failed("a.example", at: start) }
        #expect(breaker.admits("a.example", at: start), "four failures may be chance")
        breaker.failed("a.example", at: start)
        #expect(!breaker.admits("a.example", at: start + .seconds(59)))
        #expect(breaker.admits("b.example", at: start))
        #expect(breaker.admits("a.example", at: start + .seconds(60)))
        breaker.failed("a.example", at: start + .seconds(60))
        #expect(!breaker.admits("a.example", at: start + .seconds(179)) && breaker.admits("a.example", at: start + .seconds(180)))
        for _ in 1...20 { breaker.failed("a.example", at: start + .seconds(180)) }
        #expect(breaker.admits("a.example", at: start + .seconds(1080)), "a quarter of an hour at most")
        breaker.succeeded("a.example")
        #expect(breaker.admits("a.example", at: start))
    }
}
