import Glibc
import Testing
import Transport

@Suite struct SignalTests {
    @Test func `signals arrive as values, and SIGPIPE is ignored`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop(index: 0)
            let watcher = try await SignalWatcher.install(on: loop)
            for (number, expected) in [(SIGHUP, Signal.reload), (SIGTERM, .terminate), (SIGINT, .terminate)] {
                kill(getpid(), number)
                guard await watcher.next() == expected else { exit(1) }
            }
            kill(getpid(), SIGPIPE)
            exit(0)
        }
    }
}
