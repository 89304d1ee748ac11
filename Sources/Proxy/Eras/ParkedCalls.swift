internal import Client
internal import Crypto
internal import HTTP
internal import Primitives
internal import Synchronization
internal import Transport

/// A call to a legacy upstream that waits for its caller's input: its stream stays open while the client, of the modern era,
/// answers with another request (mcp.md §9).
struct ParkedCall: Sendable {
    let source: LoopBound<MessageSource>
    let loop: EventLoop
    let session: LegacySession
    /// The id of our request, and the id of the upstream's question, as JSON.
    let upstreamID: [UInt8]
    let questionID: [UInt8]
    let user: UserID
    /// Digest of method, name and arguments.
    let context: String
    let cancellation: UpstreamCancellation

    /// Gives the call up: its connection closes.
    func abandon() { loop.perform { [source] in source.value.exchange.abandon() } }
}

/// All calls parked at one upstream. At most ten minutes each, and so many a user and in all.
final class ParkedCalls: Sendable {
    static let lifetime = Duration.seconds(600)
    static let perUser = 8
    static let capacity = 256
    /// The key of the one question a round asks.
    static let inputKey = "input"

    private let calls = Mutex<[String: ParkedCall]>([:])
    private let sleeper: any Sleeper

    init(sleeper: any Sleeper) { self.sleeper = sleeper }

    /// A token to take the call with; nil when there is no room.
    func park(_ call: ParkedCall) -> String? {
        let token = Random.text(22)
        let isKept = calls.withLock { calls in
            guard calls.count < Self.capacity, calls.values.count(where: { $0.user == call.user }) < Self.perUser else {
                return false
            }
            calls[token] = call
            return true
        }
        guard isKept else { return nil }
        // Ends by itself: with the time, or early when the loops stop.
        Task(executorPreference: call.loop) { [self] in
            try? await sleeper.sleep(for: Self.lifetime)
            take(token)?.abandon()
        }
        return token
    }

    /// Takes a call out; of two that try, one gets it.
    func take(_ token: String) -> ParkedCall? { calls.withLock { $0.removeValue(forKey: token) } }
}
