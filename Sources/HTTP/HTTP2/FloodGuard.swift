internal import Primitives

/// A purse from which a connection pays for frames that make work and ask for nothing: resets, pings, settings, empty frames
/// (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671). It fills with time; whoever empties it is sent away.
struct FloodGuard {
    private let capacity: Double
    private let perNanosecond: Double
    private var purse: Double
    private var filledAt: MonotonicTime?

    init(capacity: Int, perSecond: Int) {
        self.capacity = Double(capacity)
        perNanosecond = Double(perSecond) / 1_000_000_000
        purse = Double(capacity)
    }

    var isEmpty: Bool { purse <= 0 }

    /// Fills the purse for the time passed.
    mutating func tick(_ now: MonotonicTime) {
        if let filledAt { purse = min(capacity, purse + Double(now.nanoseconds - filledAt.nanoseconds) * perNanosecond) }
        filledAt = now
    }

    mutating func pay(_ cost: Double) { purse -= cost }
}
