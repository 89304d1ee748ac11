internal import HTTP
package import Transport

/// Waits on the timers of the loop the caller runs on.
package struct LoopSleeper: Sleeper {
    private let group: EventLoopGroup

    package init(group: EventLoopGroup) { self.group = group }

    package func sleep(for duration: Duration) async throws(CancellationError) {
        try await group.current.sleep(for: duration)
    }
}
