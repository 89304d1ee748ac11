internal import HTTP
internal import Primitives
internal import Transport

/// What one HTTP/2 connection keeps between waits. Not `Sendable`: it lives on its loop.
final class HTTP2Exchange {
    let connection: LoopServer.Connection
    let peer: IPAddress
    let certificate: ClientCertificate?
    let session: HTTP2Session
    var input = ByteBuffer()
    var output = ByteBuffer()
    /// What the session told last; kept for its memory.
    var events: [HTTP2Session.Event] = []
    let begunAt: MonotonicTime
    /// When bytes last came.
    var activeAt: MonotonicTime
    /// When the head that is not yet whole began.
    private(set) var headBegunAt: MonotonicTime?
    /// The peer was told that the end is near.
    var isEnding = false
    /// When new streams end.
    var endsAt: MonotonicTime?

    init(_ connection: LoopServer.Connection, _ session: HTTP2Session, certificate: ClientCertificate?, at now: MonotonicTime) {
        self.connection = connection
        self.session = session
        self.certificate = certificate
        peer = connection.peer
        begunAt = now
        activeAt = now
    }

    func noteHead(at now: MonotonicTime) {
        if session.isMidHead { headBegunAt = headBegunAt ?? now } else { headBegunAt = nil }
    }

    /// When the peer must have moved a stream on; an answer still being made has all the time it needs.
    func deadline(of stream: HTTP2Stream, _ deadlines: Deadlines) -> MonotonicTime {
        if stream.isReceiving, stream.isHeadWhole {
            return deadlines.body(from: stream.movedAt, start: stream.received, received: stream.bodyReceived)
        }
        if stream.hasPending { return deadlines.write(from: stream.movedAt, count: 0) }
        return MonotonicTime(nanoseconds: .max)
    }

    /// The connection is gone: nobody reads what is still being made.
    func end() {
        for stream in session.streams { (stream.context as? HTTP2Call)?.end() }
        session.abandon()
    }
}

/// Who answers one stream. Not `Sendable`: it lives on its loop.
final class HTTP2Call {
    let rules: ServingRules
    /// Who sent the request, past trusted proxies.
    let client: IPAddress
    var task: Task<Void, Never>?
    private var waiting: [CheckedContinuation<Bool, Never>] = []
    private var isEnded = false

    init(rules: ServingRules, client: IPAddress) {
        self.rules = rules
        self.client = client
    }

    /// Waits until what was written has left. False when the stream has ended.
    func waitUntilDrained(isolation: isolated (any Actor)? = #isolation) async -> Bool {
        if isEnded { return false }
        return await withCheckedContinuation { waiting.append($0) }
    }

    func drained() { wake(true) }

    /// The stream is closed: whoever still makes an answer is told.
    func end() {
        isEnded = true
        task?.cancel()
        wake(false)
    }

    private func wake(_ goesOn: Bool) {
        let waiting = waiting
        self.waiting = []
        for waiter in waiting { waiter.resume(returning: goesOn) }
    }
}

/// The writer a stream's producer gets: an actor on the connection's loop, so that a producer may write from anywhere.
actor HTTP2Body: BodyWriter {
    /// One stream of one connection.
    struct Target {
        let http2: HTTP2Exchange
        let stream: HTTP2Stream
        let call: HTTP2Call

        init(_ http2: HTTP2Exchange, _ stream: HTTP2Stream, _ call: HTTP2Call) {
            self.http2 = http2
            self.stream = stream
            self.call = call
        }
    }

    private nonisolated let loop: EventLoop
    private let target: LoopBound<Target>

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ target: LoopBound<Target>, loop: EventLoop) {
        self.target = target
        self.loop = loop
    }

    func write(_ bytes: [UInt8]) async throws(BodyClosed) {
        guard !bytes.isEmpty else { return }
        let target = target.value
        if target.stream.isClosed { throw BodyClosed() }
        target.http2.session.send(bytes, on: target.stream)
        target.http2.connection.stream.wakeReader()
        guard await target.call.waitUntilDrained() else { throw BodyClosed() }
    }
}
