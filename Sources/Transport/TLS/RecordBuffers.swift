internal import COpenSSL
internal import Glibc
internal import Synchronization

/// Memory for OpenSSL in which record buffers, about 17 KiB each, live apart from everything else.
///
/// A connection needs them only while a record is on its way, so that OpenSSL returns them after each
/// (`SSL_MODE_RELEASE_BUFFERS`). From the general heap that costs 6 % of CPU, and the holes the buffers leave between small live
/// pieces can only in part be given back to the system. From here it costs a few nanoseconds: the same few hot buffers serve
/// all connections of a loop, and whole pages of those not needed for a while go back.
package enum RecordBuffers {
    /// Five pages: a record of the largest size with its header, as OpenSSL asks for it.
    private static let slot = 20 * 1024
    private static let smallest = 16 * 1024
    /// Slots in the range of addresses set aside: beyond so many buffers at once the general heap serves.
    private static let slots = 65_536
    /// Idle buffers a shelf keeps with their memory.
    private static let warm = 64

    /// Has OpenSSL take its memory from here. Only before it has taken any, at the start of the process; called later, or where
    /// the system refuses the addresses, everything stays with the general heap.
    package static func install() {
        let range = unsafe mmap(
            nil, slots * slot, PROT_READ | PROT_WRITE, CInt(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1, 0)
        guard unsafe range != MAP_FAILED, let range = unsafe range else { return }
        unsafe base = UInt(bitPattern: range)
        let isTaken = unsafe CRYPTO_set_mem_functions(
            { count, _, _ in unsafe RecordBuffers.take(count) },
            { memory, count, _, _ in unsafe RecordBuffers.resize(memory, count) },
            { memory, _, _ in unsafe RecordBuffers.give(memory) })
        if isTaken != 1 {
            unsafe base = 0
            unsafe munmap(range, slots * slot)
        }
    }

    // Written once, by `install`, before there is another thread.
    private nonisolated(unsafe) static var base: UInt = 0

    /// Idle buffers of some threads, by number of their slot. On a cache line of its own.
    private final class Shelf: Sendable {
        struct Idle {
            /// With their pages, the last one given on top.
            var warm: [UInt32] = []
            /// Addresses alone.
            var cold: [UInt32] = []
        }

        let idle = Mutex(Idle())
    }

    private static let shelves: [Shelf] = (0..<8).map { _ in Shelf() }
    private static let used = Atomic<Int>(0)

    private static var shelf: Shelf {
        // Stacks are at least a page apart, and so are the thread descriptors on them.
        let thread = UInt(pthread_self())
        return shelves[Int(truncatingIfNeeded: (thread >> 12 ^ thread >> 19) & 7)]
    }

    private static func take(_ count: Int) -> UnsafeMutableRawPointer? {
        guard count >= smallest, count <= slot, unsafe base != 0 else { return unsafe malloc(count) }
        if let number = shelf.idle.withLock({ $0.warm.popLast() ?? $0.cold.popLast() }) { return unsafe address(of: Int(number)) }
        let number = used.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < slots else {
            used.wrappingSubtract(1, ordering: .relaxed)
            return unsafe malloc(count)
        }
        return unsafe address(of: number)
    }

    private static func give(_ memory: UnsafeMutableRawPointer?) {
        guard let memory = unsafe memory else { return }
        guard let number = unsafe number(of: memory) else { return unsafe free(memory) }
        let shelf = shelf
        let isKept = shelf.idle.withLock { idle in
            guard idle.warm.count < warm else { return false }
            idle.warm.append(UInt32(number))
            return true
        }
        if isKept { return }
        // Before anyone can take it: the pages go back, and come as zeros when touched again.
        unsafe madvise(memory, slot, MADV_DONTNEED)
        shelf.idle.withLock { $0.cold.append(UInt32(number)) }
    }

    private static func resize(_ memory: UnsafeMutableRawPointer?, _ count: Int) -> UnsafeMutableRawPointer? {
        guard let memory = unsafe memory else { return unsafe take(count) }
        guard unsafe number(of: memory) != nil else { return unsafe realloc(memory, count) }
        guard count > slot else { return unsafe memory }
        guard let larger = unsafe malloc(count) else { return nil }
        unsafe larger.copyMemory(from: memory, byteCount: slot)
        unsafe give(memory)
        return unsafe larger
    }

    private static func address(of number: Int) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: base + UInt(number * slot))
    }

    /// Nil for memory of the general heap.
    private static func number(of memory: UnsafeMutableRawPointer) -> Int? {
        let offset = unsafe UInt(bitPattern: memory) &- base
        guard unsafe base != 0, offset < UInt(slots * slot) else { return nil }
        return Int(offset) / slot
    }
}
