package import HTTP
package import Primitives
internal import Transport

/// One exchange whose head has come: the body is read piece by piece as the reader wants it, which is all the back-pressure
/// there is. Not `Sendable`. Dropped before its end, it closes the connection.
package final class UpstreamExchange {
    package let status: Int
    /// End-to-end fields, not yet fit for our client (HDR-5).
    package let fields: Fields
    private let framing: UpstreamHead.Framing
    private let persists: Bool
    private let connection: UpstreamConnection
    private let pool: UpstreamPool
    private let cancellation: UpstreamCancellation
    private var decoder = ChunkedDecoder()
    private var remaining: Int
    private var isDone = false
    private var received = 0

    init(_ head: UpstreamHead, _ connection: UpstreamConnection, _ pool: UpstreamPool, _ cancellation: UpstreamCancellation) {
        status = head.status
        fields = head.fields
        framing = head.framing
        persists = head.persists
        self.connection = connection
        self.pool = pool
        self.cancellation = cancellation
        if case .length(let count) = head.framing { remaining = count } else { remaining = 0 }
        if head.framing == .none || head.framing == .length(0) { finish() }
    }

    deinit { if !isDone { abandon() } }

    /// The next bytes of the body; nil at its end. After `.timeout` it may be called again, after any other error not.
    /// - Parameter limit: bytes of the whole body; more is `.tooLarge`.
    package func next(limit: Int, deadline: MonotonicTime) async throws(ClientError) -> [UInt8]? {
        while !isDone {
            if !connection.input.isEmpty, let piece = try take(limit) { return piece }
            if isDone { break }
            let isOpen: Bool
            do throws(SocketError) { isOpen = try await connection.fill(deadline: deadline) } catch {
                if error.code == .timeout { throw ClientError(.timeout, mayHaveBeenSent: true, detail: "no further bytes in time") }
                throw fail(cancellation.isCancelled ? .cancelled : .transport, "the connection broke within the body")
            }
            guard !isOpen else { continue }
            guard framing == .untilClose else { throw fail(.transport, "the connection ended within the body") }
            finish()
        }
        return nil
    }

    /// The whole body. - Throws: `.tooLarge`, `.timeout`, `.transport`, `.cancelled`.
    package func whole(limit: Int, deadline: MonotonicTime) async throws(ClientError) -> [UInt8] {
        if case .length(let count) = framing, count > limit { throw fail(.tooLarge, "the answer is longer than allowed") }
        guard var body = try await next(limit: limit, deadline: deadline) else { return [] }
        while let piece = try await next(limit: limit, deadline: deadline) { body.append(contentsOf: piece) }
        return body
    }

    /// Reads nothing more: the connection closes.
    package func abandon() {
        guard !isDone else { return }
        isDone = true
        cancellation.detach()
        pool.discard(connection)
    }

    /// What of the input belongs to the body. Nil when it was framing alone.
    private func take(_ limit: Int) throws(ClientError) -> [UInt8]? {
        var piece: [UInt8] = []
        let room = limit - received
        do throws(UpstreamRefusal) {
            let consumed = try connection.input.withBytes { (bytes) throws(UpstreamRefusal) in
                try decode(bytes, room, &piece)
            }
            connection.input.consume(consumed)
        } catch {
            throw fail(.transport, "the answer is no HTTP: \(error.rawValue)")
        }
        received += piece.count
        guard received <= limit else { throw fail(.tooLarge, "the answer is longer than allowed") }
        switch framing {
        case .chunked where decoder.isDone: finish()
        case .length where remaining == 0: finish()
        default: break
        }
        return piece.isEmpty ? nil : piece
    }

    private func decode(_ bytes: Span<UInt8>, _ room: Int, _ piece: inout [UInt8]) throws(UpstreamRefusal) -> Int {
        switch framing {
        case .none: return 0
        case .chunked:
            // A chunk beyond the limit is noticed by what has come, so that its size line says nothing of the limit.
            do throws(RequestRefusal) { return try decoder.decode(bytes, into: &piece, limit: 1 << 52) } catch {
                throw .malformedChunk
            }
        case .length:
            let count = min(remaining, bytes.count)
            unsafe bytes.extracting(0..<count).withUnsafeBufferPointer { unsafe piece.append(contentsOf: $0) }
            remaining -= count
            return count
        case .untilClose:
            unsafe bytes.withUnsafeBufferPointer { unsafe piece.append(contentsOf: $0) }
            return bytes.count
        }
    }

    private func finish() {
        isDone = true
        cancellation.detach()
        pool.giveBack(connection, persists: persists && !cancellation.isCancelled)
    }

    private func fail(_ code: ClientError.Code, _ detail: String) -> ClientError {
        abandon()
        return ClientError(code, mayHaveBeenSent: true, detail: detail)
    }
}
