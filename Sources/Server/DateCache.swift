internal import HTTP
internal import Primitives

/// The `Date` line, made anew once a second.
struct DateCache {
    private var text: [UInt8] = []
    private var expires = MonotonicTime(nanoseconds: 0)

    mutating func value(at now: MonotonicTime) -> [UInt8] {
        if now >= expires {
            let wall = Timestamp.now()
            text = HTTPDate.format(wall)
            // Expires when the wall clock's second does.
            expires = now + .milliseconds(1000 - wall.milliseconds % 1000)
        }
        return text
    }
}
