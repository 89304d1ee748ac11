import Synchronization

/// Counters in a row, made once. Adding takes no lock and allocates nothing; one block belongs to one event loop, so that two
/// loops never write to the same line of memory, and whoever reads sums over the blocks.
///
/// Sendable: the memory is reached through atomics alone and freed when nobody refers to the block any more.
@safe final class CounterBlock: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    init(count: Int) {
        self.count = count
        unsafe cells = .allocate(capacity: count)
        for index in 0..<count { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe cells.deinitialize(count: count)
        unsafe cells.deallocate()
    }

    func add(_ amount: UInt64 = 1, at index: Int) {
        precondition(index >= 0 && index < count, "a counter beyond its block")
        _ = unsafe cells[index].wrappingAdd(amount, ordering: .relaxed)
    }

    func value(at index: Int) -> UInt64 {
        precondition(index >= 0 && index < count, "a counter beyond its block")
        return unsafe cells[index].load(ordering: .relaxed)
    }
}

/// One block a loop and one for everybody else.
struct ShardedCounters: Sendable {
    private let blocks: [CounterBlock]

    init(loops: Int, count: Int) { blocks = (0...max(0, loops)).map { _ in CounterBlock(count: count) } }

    /// - Parameter loop: nil off the loops.
    func add(_ amount: UInt64 = 1, at index: Int, loop: Int?) {
        let last = blocks.count - 1
        blocks[min(loop ?? last, last)].add(amount, at: index)
    }

    func total(at index: Int) -> UInt64 { blocks.reduce(0) { $0 &+ $1.value(at: index) } }
}
