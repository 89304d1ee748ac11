/// Proof of being on a loop: code with an `isolated LoopContext` parameter runs on its thread and may hold values that are
/// not `Sendable` across awaits. Other actors join a loop by returning `loop.asUnownedSerialExecutor()` themselves.
package actor LoopContext {
    package nonisolated let loop: EventLoop

    package init(_ loop: EventLoop) { self.loop = loop }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
}
