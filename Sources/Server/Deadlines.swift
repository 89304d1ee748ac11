internal import Primitives

/// The times of a configuration in nanoseconds: adding a `Duration` divides 128-bit numbers, and every request adds one.
struct Deadlines: Sendable {
    private let handshake, header, bodyIdle, idle, write, linger: Int64
    private let minimumRate: Int

    init(_ configuration: ServerConfiguration) {
        func nanoseconds(_ duration: Duration) -> Int64 {
            let parts = duration.components
            return parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
        }
        handshake = nanoseconds(configuration.handshakeTimeout)
        header = nanoseconds(configuration.headerTimeout)
        bodyIdle = nanoseconds(configuration.bodyIdleTimeout)
        idle = nanoseconds(configuration.idleTimeout)
        write = nanoseconds(configuration.writeTimeout)
        linger = nanoseconds(configuration.lingerTimeout)
        minimumRate = max(1, configuration.minimumRate)
    }

    func handshake(from now: MonotonicTime) -> MonotonicTime { now + handshake }
    func header(from start: MonotonicTime) -> MonotonicTime { start + header }
    func idle(from start: MonotonicTime) -> MonotonicTime { start + idle }
    /// When a connection that idles since `start` gives its buffers back.
    func park(from start: MonotonicTime) -> MonotonicTime { start + min(idle, 5_000_000_000) }
    func linger(from now: MonotonicTime) -> MonotonicTime { now + linger }

    /// When a peer that reads `count` bytes at the least rate should have them.
    func write(from now: MonotonicTime, count: Int) -> MonotonicTime { now + write + duration(of: count) }

    /// When a body of which `received` bytes have come since `start` has stopped or is slower than the least rate.
    func body(from now: MonotonicTime, start: MonotonicTime, received: Int) -> MonotonicTime {
        min(now + bodyIdle, start + header + duration(of: received))
    }

    private func duration(of count: Int) -> Int64 { Int64(count / minimumRate) * 1_000_000_000 }
}

extension MonotonicTime {
    fileprivate static func + (time: MonotonicTime, nanoseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: time.nanoseconds + nanoseconds)
    }
}
