internal import HTTP
internal import Primitives
internal import Transport

/// The writer a stream's producer gets. An actor on the connection's loop, so that a producer may write from anywhere and
/// pieces of several tasks do not mix.
actor StreamedBody: BodyWriter {
    private nonisolated let loop: EventLoop
    private let stream: LoopBound<Stream>
    private let isChunked: Bool
    private let limits: Deadlines
    private var isWriting = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private(set) var hasFailed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ stream: LoopBound<Stream>, isChunked: Bool, limits: Deadlines, loop: EventLoop) {
        self.stream = stream
        self.isChunked = isChunked
        self.limits = limits
        self.loop = loop
    }

    func write(_ bytes: [UInt8]) async throws(BodyClosed) {
        guard !bytes.isEmpty else { return }
        var buffer = ByteBuffer(capacity: bytes.count + 16)
        if isChunked { ChunkedEncoder.append(bytes, to: &buffer) } else { buffer.append(bytes) }
        try await send(&buffer)
    }

    /// Gives back what TLS keeps for the next record: a quiet stream holds little more than its socket.
    func rest() {
        if !isWriting { stream.value.park() }
    }

    func breakOff() { hasFailed = true }

    /// Ends the body. - Throws: `BodyClosed` when it could not be completed, so that the connection must not be used again.
    func finish() async throws(BodyClosed) {
        if hasFailed { throw BodyClosed() }
        guard isChunked else { return }
        var buffer = ByteBuffer(capacity: 16)
        ChunkedEncoder.appendEnd(to: &buffer)
        try await send(&buffer)
    }

    private func send(_ buffer: inout ByteBuffer) async throws(BodyClosed) {
        while isWriting {
            await withCheckedContinuation { waiting.append($0) }
        }
        isWriting = true
        defer {
            isWriting = false
            if !waiting.isEmpty { waiting.removeFirst().resume() }
        }
        if hasFailed || stream.value.isPeerClosed { throw BodyClosed() }
        do throws(SocketError) {
            try await stream.value.write(&buffer, deadline: limits.write(from: loop.now, count: buffer.count))
        } catch {
            hasFailed = true
            throw BodyClosed()
        }
    }
}
