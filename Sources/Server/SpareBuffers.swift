internal import Primitives

/// Buffers between uses, of one loop. A connection holds one only while bytes are on their way: what waits for a request or
/// an answer needs none, and the few in use stay in the processor's cache. Not `Sendable`: it lives on the loop.
final class SpareBuffers {
    /// Bytes of each: holds nearly every head with its body, and nearly every answer.
    static let size = 4096
    /// Buffers kept; more are given back to the system.
    private static let limit = 32

    private var idle: [ByteBuffer.Memory] = []

    /// Gives a buffer without memory some.
    func lend(to buffer: inout ByteBuffer) {
        guard buffer.capacity == 0 else { return }
        if let memory = idle.popLast() { buffer = ByteBuffer(memory) } else { buffer = ByteBuffer(capacity: Self.size) }
    }

    /// Takes the memory of an empty buffer back. One that grew loses it.
    func collect(from buffer: inout ByteBuffer) {
        guard buffer.isEmpty, buffer.capacity > 0 else { return }
        if buffer.capacity == Self.size, idle.count < Self.limit { idle.append(buffer.takeMemory()) } else { buffer = ByteBuffer() }
    }
}
