package import HTTP
internal import Primitives
internal import Synchronization

/// All event streams of a process: one timer for the keep-alives of quiet ones, and the order to end when the server goes.
package final class StreamHub: Sendable {
    /// Keep-alives of many streams are spread over so many moments of the interval.
    static let ticks = 15

    private struct State {
        var keepAlive: Duration
        var quiet: [ObjectIdentifier: Quiet] = [:]
        var calls: [ObjectIdentifier: ToolExchange] = [:]
        var opened = 0
        var isTicking = false
        var isClosing = false
        var areCallsEnding = false
    }

    private struct Quiet {
        let stream: OpenStream
        /// Ticks until its next keep-alive.
        var remaining: Int
    }

    private let sleeper: any Sleeper
    private let state: Mutex<State>

    /// - Parameter keepAlive: at most this long is a stream silent (RS-12); 15 s but in tests.
    package init(sleeper: any Sleeper, keepAlive: Duration = .seconds(15)) {
        self.sleeper = sleeper
        state = Mutex(State(keepAlive: keepAlive))
    }

    /// The longest silence of a stream. A change holds for waits that begin after it.
    package var keepAlive: Duration {
        get { state.withLock { $0.keepAlive } }
        set { state.withLock { $0.keepAlive = newValue } }
    }

    /// Quiet streams open now.
    package var openCount: Int { state.withLock { $0.quiet.count } }

    /// Drain begins: streams that only wait for news end with their last words.
    package func closeQuietStreams() {
        let streams = state.withLock { state in
            state.isClosing = true
            return state.quiet.values.map(\.stream)
        }
        for stream in streams { stream.send(.closing) }
    }

    /// The time of a drain is nearly over: calls whose callers wait are given up, and their callers told so.
    package func endCalls() {
        let calls = state.withLock { state in
            state.areCallsEnding = true
            return Array(state.calls.values)
        }
        for call in calls { call.interrupt() }
    }

    // MARK: Quiet streams

    /// Lets a stream have keep-alives from now until `remove`.
    package func add(_ stream: OpenStream, on executor: (any TaskExecutor)?) {
        let (isClosing, mustTick) = state.withLock { state in
            // One after the other a tick earlier, so that streams opened together do not all ask the store together later.
            let first = Self.ticks - state.opened % Self.ticks
            state.opened += 1
            state.quiet[ObjectIdentifier(stream)] = Quiet(stream: stream, remaining: first)
            defer { state.isTicking = true }
            return (state.isClosing, !state.isTicking)
        }
        if isClosing { stream.send(.closing) }
        // Awaited by nobody: ends by itself when the last stream has gone.
        if mustTick { Task(executorPreference: executor) { await self.tick() } }
    }

    package func remove(_ stream: OpenStream) {
        state.withLock { $0.quiet[ObjectIdentifier(stream)] = nil }
    }

    private func tick() async {
        while (try? await sleeper.sleep(for: keepAlive / Self.ticks)) != nil {
            let due = state.withLock { state -> [OpenStream]? in
                guard !state.quiet.isEmpty else {
                    state.isTicking = false
                    return nil
                }
                return Self.takeDue(&state.quiet)
            }
            guard let due else { return }
            for stream in due { stream.send(.keepAlive) }
        }
        state.withLock { $0.isTicking = false }
    }

    private static func takeDue(_ quiet: inout [ObjectIdentifier: Quiet]) -> [OpenStream] {
        var due: [OpenStream] = []
        var index = quiet.startIndex
        while index != quiet.endIndex {
            quiet.values[index].remaining -= 1
            if quiet.values[index].remaining <= 0 {
                quiet.values[index].remaining = ticks
                due.append(quiet.values[index].stream)
            }
            quiet.formIndex(after: &index)
        }
        return due
    }

    // MARK: Calls

    /// Remembers a call whose caller waits, until `remove`.
    func add(_ call: ToolExchange) {
        let areEnding = state.withLock { state in
            state.calls[ObjectIdentifier(call)] = call
            return state.areCallsEnding
        }
        if areEnding { call.interrupt() }
    }

    func remove(_ call: ToolExchange) {
        state.withLock { $0.calls[ObjectIdentifier(call)] = nil }
    }
}
