import Primitives
import Proxy
import Testing

@Suite struct CircuitBreakerTests {
    private func time(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    private func opened() -> CircuitBreaker {
        let breaker = CircuitBreaker()
        for _ in 0..<CircuitBreaker.threshold { breaker.failed(at: time(0)) }
        return breaker
    }

    @Test func `failures in a row stop further calls, one less does not`() {
        let breaker = CircuitBreaker()
        for _ in 1..<CircuitBreaker.threshold { breaker.failed(at: time(0)) }
        #expect(breaker.admit(at: time(0)) == nil && breaker.health == .failing)
        breaker.succeeded()
        for _ in 1..<CircuitBreaker.threshold { breaker.failed(at: time(0)) }
        #expect(breaker.admit(at: time(0)) == nil)
        breaker.failed(at: time(0))
        #expect(breaker.admit(at: time(0)) == .seconds(5) && breaker.health == .open)
    }

    @Test func `after the wait one call tries, and its success closes the circuit`() {
        let breaker = opened()
        #expect(breaker.admit(at: time(4)) == .seconds(1))
        #expect(breaker.admit(at: time(5)) == nil)
        #expect(breaker.admit(at: time(5)) != nil)
        breaker.succeeded()
        #expect(breaker.admit(at: time(5)) == nil && breaker.health == .ok)
    }

    @Test func `a failed try doubles the wait up to a minute`() {
        let breaker = opened()
        var now: Int64 = 5
        for wait: Int64 in [10, 20, 40, 60, 60] {
            #expect(breaker.admit(at: time(now)) == nil)
            breaker.failed(at: time(now))
            #expect(breaker.admit(at: time(now)) == .seconds(wait))
            now += wait
        }
    }
}
