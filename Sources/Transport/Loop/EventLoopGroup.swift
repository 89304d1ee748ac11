/// A fixed set of loops, one per core.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]
    package let contexts: [LoopContext]

    /// - Parameter count: at least 1; the number of cores for a server.
    /// - Throws: `SocketError` when the process has no descriptors left.
    package init(count: Int) throws(SocketError) {
        var loops: [EventLoop] = []
        for index in 0..<max(1, count) { loops.append(try EventLoop(index: index)) }
        self.loops = loops
        contexts = loops.map { LoopContext($0) }
    }

    /// The loop whose thread this is; the first one on any other thread.
    package var current: EventLoop { loops.first { $0.isCurrent } ?? loops[0] }

    /// Ends all threads. Not for calls from a loop.
    package func stop() {
        for loop in loops { loop.stop() }
    }
}
