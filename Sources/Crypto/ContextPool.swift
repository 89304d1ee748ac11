internal import Glibc
internal import Synchronization

/// An OpenSSL context or algorithm by its address.
@safe struct Handle: @unchecked Sendable {
    // Sendable: contexts are with one caller at a time (see ContextPool), algorithms are immutable once fetched.
    let pointer: OpaquePointer
    init?(_ pointer: OpaquePointer?) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
    }
}

/// OpenSSL contexts between uses: making one costs more than what it computes. Nobody waits: a context is taken out of its slot
/// by one atomic exchange and put back by another, each thread starting at a slot of its own. What finds no free slot is freed.
final class ContextPool: Sendable {
    /// A place for one idle context, alone on its cache line so that threads do not slow each other.
    private struct Slot: ~Copyable, Sendable {
        let address = Atomic<UInt>(0)
        private let padding: InlineArray<7, UInt64> = .init(repeating: 0)
    }

    private let slots: InlineArray<8, Slot> = .init { _ in Slot() }
    private let make: @Sendable () -> Handle?
    private let free: @Sendable (Handle) -> Void
    /// Slots tried before a context is made or freed.
    private static let reach = 3

    init(make: @escaping @Sendable () -> Handle?, free: @escaping @Sendable (Handle) -> Void) {
        self.make = make
        self.free = free
    }

    deinit { for index in slots.indices { take(from: index).map(free) } }

    func withContext<R>(_ body: (Handle) -> R) -> R {
        let home = Self.home
        guard let context = take(near: home) ?? make() else { preconditionFailure("out of memory") }
        defer { if !keep(context, near: home) { free(context) } }
        return body(context)
    }

    /// The slot a thread starts at. Stacks are at least a page apart, and so are the thread descriptors on them.
    private static var home: Int {
        let thread = UInt(pthread_self())
        return Int(truncatingIfNeeded: (thread >> 12 ^ thread >> 19) & 7)
    }

    private func take(near home: Int) -> Handle? {
        for step in 0..<Self.reach {
            if let context = take(from: (home + step) & 7) { return context }
        }
        return nil
    }

    private func take(from index: Int) -> Handle? {
        unsafe Handle(OpaquePointer(bitPattern: slots[index].address.exchange(0, ordering: .acquiring)))
    }

    private func keep(_ context: Handle, near home: Int) -> Bool {
        let address = unsafe UInt(bitPattern: context.pointer)
        for step in 0..<Self.reach {
            let slot = (home + step) & 7
            if slots[slot].address.compareExchange(expected: 0, desired: address, ordering: .releasing).exchanged { return true }
        }
        return false
    }
}
