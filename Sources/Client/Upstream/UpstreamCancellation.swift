internal import Synchronization
internal import Transport

/// Ends an exchange from any thread: what a disconnecting client pulls.
package final class UpstreamCancellation: Sendable {
    private struct State {
        var isCancelled = false
        var stream: (loop: EventLoop, stream: LoopBound<Stream>)?
    }

    private let state = Mutex(State())

    package init() {}

    package var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Wakes whoever waits on the connection, with an error; a later exchange fails at once. Idempotent.
    package func cancel() {
        let found = state.withLock { state in
            state.isCancelled = true
            return state.stream
        }
        if let found { found.loop.perform { found.stream.value.abort() } }
    }

    /// Names the connection to end. False when the exchange was cancelled before.
    func attach(_ stream: Stream, on loop: EventLoop) -> Bool {
        state.withLock { state in
            guard !state.isCancelled else { return false }
            state.stream = (loop, LoopBound(stream, on: loop))
            return true
        }
    }

    /// The connection carries this exchange no longer.
    func detach() { state.withLock { $0.stream = nil } }
}
