/// First-in first-out ring of jobs; grows by doubling and is only touched by its loop's thread.
struct JobRing {
    private var slots: [UnownedJob?]
    private var head = 0
    private(set) var count = 0

    init() { slots = Array(repeating: nil, count: 256) }

    mutating func push(_ job: UnownedJob) {
        if count == slots.count { grow() }
        slots[(head + count) & (slots.count - 1)] = job
        count += 1
    }

    mutating func pop() -> UnownedJob? {
        guard count > 0 else { return nil }
        let job = slots[head]
        head = (head + 1) & (slots.count - 1)
        count -= 1
        return job
    }

    private mutating func grow() {
        var next: [UnownedJob?] = []
        next.reserveCapacity(slots.count * 2)
        for offset in 0..<count { next.append(slots[(head + offset) & (slots.count - 1)]) }
        next.append(contentsOf: repeatElement(nil, count: slots.count * 2 - count))
        slots = next
        head = 0
    }
}
