/// A binary heap of points in time. Entries are never removed early: whoever pops one compares it with what it meant.
struct TimerHeap {
    struct Entry {
        /// Nanoseconds of the monotonic clock.
        var time: Int64
        var token: UInt64
    }

    private var entries: [Entry] = []

    var count: Int { entries.count }
    var earliest: Int64? { entries.first?.time }

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].time < entries[parent].time else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest entry if its time has come.
    mutating func pop(until now: Int64) -> Entry? {
        guard let first = entries.first, first.time <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            siftDown()
        }
        return first
    }

    /// Forgets the entries that mean nothing any more, once they are the majority.
    mutating func compact(keeping isLive: (Entry) -> Bool) {
        let live = entries.filter(isLive)
        entries.removeAll(keepingCapacity: true)
        for entry in live { push(entry) }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].time < entries[smallest].time {
                smallest = child
            }
            guard smallest != parent else { return }
            entries.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
