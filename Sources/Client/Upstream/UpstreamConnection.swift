internal import HTTP
internal import Primitives
internal import Transport

/// One connection to an upstream with what was read of it. Not `Sendable`: it lives on one loop.
final class UpstreamConnection {
    let stream: Stream
    var input = ByteBuffer(capacity: 4096)
    /// When its last exchange ended.
    var idleSince = MonotonicTime.now()
    /// An exchange ended on it before.
    var isReused = false

    init(_ stream: Stream) { self.stream = stream }

    /// Nothing is wrong with it as far as can be told without sending.
    var isFit: Bool { !stream.isClosed && !stream.isPeerClosed && input.isEmpty }

    /// Sends everything. - Throws: `SocketError`.
    func send(_ request: UpstreamRequest, to origin: UpstreamOrigin, deadline: MonotonicTime) async throws(SocketError) {
        var output = ByteBuffer(capacity: request.body.count + 1024)
        request.write(to: origin, into: &output)
        try await stream.write(&output, deadline: deadline)
    }

    /// Reads more. False when the peer has ended.
    func fill(deadline: MonotonicTime) async throws(SocketError) -> Bool {
        try await stream.read(into: &input, room: 16 * 1024, deadline: deadline) > 0
    }
}
