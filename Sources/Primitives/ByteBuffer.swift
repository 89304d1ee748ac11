/// A byte queue in one allocation: append at the back, consume at the front. It has one owner and frees itself.
///
/// Inlinable where a generic closure or a call a few bytes long would otherwise cross a module unspecialized: measured.
@safe package struct ByteBuffer: ~Copyable {
    // Invariant: 0 <= start <= end <= capacity, and `base` holds `capacity` bytes of which `start..<end` are initialized.
    // Without capacity there is no memory, and `base` is no address anyone reads.
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline package var capacity: Int
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    package init(capacity: Int) {
        self.capacity = max(64, capacity)
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: self.capacity, alignment: 16)
    }

    /// A buffer without memory, which takes some when the first byte comes.
    package init() {
        capacity = 0
        unsafe base = Self.nowhere
    }

    deinit { if capacity > 0 { unsafe base.deallocate() } }

    private static var nowhere: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped }

    /// The memory of a buffer without the buffer. Whoever holds it must make a buffer of it again, which frees it.
    @safe package struct Memory {
        fileprivate let base: UnsafeMutableRawPointer
        fileprivate let capacity: Int
    }

    /// An empty buffer in memory taken from another.
    package init(_ memory: Memory) {
        unsafe base = memory.base
        capacity = memory.capacity
    }

    /// Leaves the buffer empty and without memory.
    package mutating func takeMemory() -> Memory {
        defer {
            removeAll()
            capacity = 0
            unsafe base = Self.nowhere
        }
        return unsafe Memory(base: base, capacity: capacity)
    }

    /// Bytes waiting to be consumed.
    @inlinable package var count: Int { end - start }
    @inlinable package var isEmpty: Bool { end == start }

    /// Reads what is waiting. The span must not leave the closure; the type system sees to it.
    @inlinable @inline(__always)
    package func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        let bytes = unsafe UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self) + start, count: end - start)
        return unsafe try body(bytes.span)
    }

    /// The waiting bytes as raw memory, for a system call.
    @unsafe @inlinable @inline(__always)
    package func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        unsafe try body(UnsafeRawBufferPointer(start: base + start, count: end - start))
    }

    /// Offers at least `minimum` free bytes to `body`, which returns how many it filled.
    @unsafe @inlinable @inline(__always)
    package mutating func withFreeSpace<R>(
        minimum: Int, _ body: (UnsafeMutableRawBufferPointer) -> (filled: Int, result: R)
    ) -> R {
        reserve(minimum)
        let (filled, result) = unsafe body(UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end))
        precondition(filled >= 0 && filled <= capacity - end)
        end += filled
        return result
    }

    /// Drops bytes from the front.
    @inlinable package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start)
        start += count
        if start == end { removeAll() }
    }

    @inlinable package mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Gives memory back when the buffer is empty and grew beyond `limit` bytes.
    package mutating func shrink(to limit: Int) {
        guard isEmpty, capacity > limit else { return }
        unsafe base.deallocate()
        capacity = max(64, limit)
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    }

    @inlinable package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
        end += 1
    }

    @inlinable package mutating func append(_ literal: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    @inlinable package mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    @inlinable package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    /// A non-negative integer in decimal.
    package mutating func append(decimal value: Int) {
        reserve(20)
        var rest = value.magnitude
        var width = 1
        var bound: UInt = 10
        while rest >= bound, width < 19 {
            width += 1
            bound *= 10
        }
        for offset in stride(from: width - 1, through: 0, by: -1) {
            unsafe base.storeBytes(of: 0x30 + UInt8(truncatingIfNeeded: rest % 10), toByteOffset: end + offset, as: UInt8.self)
            rest /= 10
        }
        end += width
    }

    /// A non-negative integer in lower-case hexadecimal, as chunk sizes are written.
    package mutating func append(hex value: Int) {
        var shift = max(0, (Int.bitWidth - 1 - value.leadingZeroBitCount) / 4 * 4)
        if value == 0 { shift = 0 }
        while shift >= 0 {
            append(Hex.digit(UInt8(truncatingIfNeeded: value >> shift) & 15))
            shift -= 4
        }
    }

    @usableFromInline mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        unsafe (base + end).copyMemory(from: source, byteCount: bytes.count)
        end += bytes.count
    }

    /// Makes room for `minimum` bytes behind `end`: by moving what waits to the front, else by growing twofold.
    @inlinable @inline(__always) mutating func reserve(_ minimum: Int) {
        if capacity - end >= minimum { return }
        makeRoom(minimum)
    }

    @usableFromInline mutating func makeRoom(_ minimum: Int) {
        let waiting = count
        if capacity - waiting >= minimum, waiting <= capacity / 2 {
            unsafe base.copyMemory(from: base + start, byteCount: waiting)
        } else {
            let grown = max(capacity * 2, waiting + minimum)
            let next = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
            unsafe next.copyMemory(from: base + start, byteCount: waiting)
            if capacity > 0 { unsafe base.deallocate() }
            unsafe base = next
            capacity = grown
        }
        start = 0
        end = waiting
    }
}
