internal import HTTP
internal import Primitives
internal import Synchronization

/// The events of one stream of a legacy session, kept so that a client that lost its connection gets what it missed: a disconnect
/// is no cancellation there (mcp.md §4.4). One writer, and at any time at most one reader.
final class ReplayLog: Sendable {
    /// Bytes kept of what a reader had; the oldest events give way, and whoever resumes before them is refused.
    static let limit = 1 << 20
    /// Bytes kept in any case: of a call that talks while nobody listens.
    static let unreadLimit = 16 << 20

    private struct State {
        /// Whole events with their numbers, oldest first.
        var events: [(number: Int, bytes: [UInt8])] = []
        var size = 0
        var next = 1
        /// The last event a reader was given.
        var read = 0
        var isFinished = false
        /// Nobody was there to be sent away yet; whoever comes next is, after so many milliseconds.
        var pause: Int64?
        var finishedAt: MonotonicTime?
        var reader: OpenStream?
    }

    /// Unique in its session, and part of every event id.
    let name: Int
    private let state = Mutex(State())

    init(name: Int) { self.name = name }

    /// Since when nothing more is written; nil while something may be.
    var finishedAt: MonotonicTime? { state.withLock { $0.finishedAt } }

    /// Adds one message as an event. - Parameter data: empty for the priming event of 2025-11-25.
    func append(_ data: [UInt8]) {
        state.withLock { state in
            let event = EventStream.message(data, id: "\(name).\(state.next)")
            state.events.append((state.next, event))
            state.next += 1
            state.size += event.count
            if let reader = state.reader {
                reader.push(event, isRepeatable: true)
                state.read = state.next - 1
            }
            while let first = state.events.first, state.events.count > 1,
                state.size > (first.number <= state.read ? Self.limit : Self.unreadLimit)
            {
                state.size -= state.events.removeFirst().bytes.count
            }
        }
    }

    /// Sends the reader away, to come back after so many milliseconds.
    func pause(_ milliseconds: Int64) {
        state.withLock { state in
            guard let reader = state.reader else { return state.pause = milliseconds }
            reader.push(EventStream.retry(milliseconds), isRepeatable: true)
            reader.send(.ended)
            state.reader = nil
        }
    }

    /// Nothing more follows.
    func finish(at now: MonotonicTime) {
        state.withLock { state in
            state.isFinished = true
            state.finishedAt = now
            state.reader?.send(.ended)
            state.reader = nil
        }
    }

    /// Lets a stream have every event to come; an earlier reader is sent away, since its client is here.
    /// - Parameter number: 0 begins with whatever is kept.
    /// - Returns: the events after that number, to be sent first; nil when they are no longer kept.
    func attach(_ reader: OpenStream, after number: Int) -> [[UInt8]]? {
        state.withLock { state in
            guard number >= 0, number < state.next else { return nil }
            guard number == 0 || state.events.first.map({ $0.number <= number + 1 }) ?? true else { return nil }
            state.reader?.send(.gone)
            state.reader = nil
            state.read = max(state.read, state.next - 1)
            let missed = state.events.filter { $0.number > number }.map(\.bytes)
            if let pause = state.pause, !state.isFinished {
                state.pause = nil
                reader.send(.ended)
                return missed + [EventStream.retry(pause)]
            }
            if state.isFinished { reader.send(.ended) } else { state.reader = reader }
            return missed
        }
    }

    func detach(_ reader: OpenStream) {
        state.withLock { if $0.reader === reader { $0.reader = nil } }
    }
}
