internal import COpenSSL
internal import Glibc
package import Primitives

/// One connection, accepted or made, plain or TLS, with the same operations. Not `Sendable`: it lives on one loop from accept to
/// close. One task reads and writes; each wait ends at the deadline given with it.
@safe package final class Stream {
    package let peer: IPAddress
    /// True when the connection is TLS.
    package var isSecure: Bool { unsafe session != nil }
    package private(set) var isClosed = false

    private let loop: EventLoop
    private let token: UInt64
    // Freed with the slot in `close`; every use is behind a check of `isClosed`.
    private let socket: UnsafeMutablePointer<SocketState>
    var session: OpaquePointer?
    /// TLS records may follow: the handshake is done and nothing failed.
    var isEstablished = false

    /// Takes over an accepted connection. Only on the loop; `handshake` comes first when `tls` is given.
    /// - Throws: `.resources`, upon which the connection is closed.
    package init(_ accepted: consuming Listener.Accepted, on loop: EventLoop, tls: TLSContext?) throws(SocketError) {
        peer = accepted.peer
        self.loop = loop
        let fd = accepted.descriptor.release()
        do throws(SocketError) {
            let entry = unsafe try loop.register(fd: fd)
            token = unsafe entry.token
            unsafe socket = entry.socket
        } catch {
            Glibc.close(fd)
            throw error
        }
        var on: CInt = 1
        unsafe setsockopt(fd, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        guard let tls else { return }
        unsafe session = tls.makeSession(socket)
        guard unsafe session != nil else {
            let detail = takeTLSErrorText()
            close()
            throw SocketError(.resources, detail: detail)
        }
    }

    /// Takes over a descriptor whose connection is being made: the first write waits until it is there. Only on the loop.
    /// - Throws: `.resources`, upon which the descriptor is closed.
    init(connecting descriptor: consuming FileDescriptor, to peer: IPAddress, on loop: EventLoop) throws(SocketError) {
        self.peer = peer
        self.loop = loop
        let fd = descriptor.release()
        do throws(SocketError) {
            let entry = unsafe try loop.register(fd: fd)
            token = unsafe entry.token
            unsafe socket = entry.socket
        } catch {
            Glibc.close(fd)
            throw error
        }
        unsafe socket.pointee.writable = false
    }

    /// Puts TLS on the connection, as the client. - Throws: `.resources`.
    func secure(_ context: TLSClientContext, name: String) throws(SocketError) {
        guard !isClosed else { throw SocketError(.closed) }
        unsafe session = context.makeSession(socket, name: name)
        guard unsafe session != nil else { throw SocketError(.resources, detail: takeTLSErrorText()) }
    }

    /// What became of the connection attempt: 0, or an error number.
    func takeConnectError() -> CInt {
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard !isClosed, unsafe getsockopt(socket.pointee.fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return EBADF }
        return code
    }

    deinit { close() }

    /// True once the peer sent its end or the connection broke.
    package var isPeerClosed: Bool {
        if isClosed { return true }
        return unsafe socket.pointee.peerClosed
    }

    /// What one attempt to read or write came to.
    package enum Attempt {
        /// That many were moved; at least 1.
        case bytes(Int)
        /// The peer has ended.
        case end
        /// Nothing moved: wait for that and try again. TLS may want the other direction.
        case wantsRead, wantsWrite
        case failed(SocketError)
    }

    /// Reads what is there into `buffer`, or waits for it.
    /// - Parameter room: free space to offer, in bytes.
    /// - Returns: the count of bytes; 0 when the peer has ended.
    package func read(into buffer: inout ByteBuffer, room: Int, deadline: MonotonicTime) async throws(SocketError) -> Int {
        while true {
            switch tryRead(into: &buffer, room: room) {
            case .bytes(let count): return count
            case .end: return 0
            case .failed(let error): throw error
            case .wantsRead: try await waitForReading(until: deadline)
            case .wantsWrite: try await waitForWriting(until: deadline)
            }
        }
    }

    /// Reads bytes before TLS begins, until the buffer holds `count`, and not one more: what follows is the handshake's.
    package func readBeforeTLS(into buffer: inout ByteBuffer, upTo count: Int, deadline: MonotonicTime) async throws(SocketError) {
        while buffer.count < count {
            if isClosed { throw SocketError(.closed) }
            let missing = count - buffer.count
            let got = unsafe buffer.withFreeSpace(minimum: missing) { memory in
                let got = unsafe socket.receive(into: memory.baseAddress, missing)
                return (max(0, got), got)
            }
            if got == SocketState.wouldBlock {
                try await waitForReading(until: deadline)
            } else if got <= 0 {
                throw SocketError(.closed)
            }
        }
    }

    /// Writes all of `buffer` and empties it, waiting for the peer to make room.
    package func write(_ buffer: inout ByteBuffer, deadline: MonotonicTime) async throws(SocketError) {
        while !buffer.isEmpty {
            switch tryWrite(buffer) {
            case .bytes(let count): buffer.consume(count)
            case .end: throw SocketError(.closed)
            case .failed(let error): throw error
            case .wantsRead: try await waitForReading(until: deadline)
            case .wantsWrite: try await waitForWriting(until: deadline)
            }
        }
    }

    /// Names the task that serves this connection: the one to cancel when the peer goes away during work.
    package func setOwner(_ task: Task<Void, Never>) {
        guard !isClosed else { return }
        unsafe socket.pointee.owner = task
        if unsafe socket.pointee.isWorking, unsafe socket.pointee.peerClosed { task.cancel() }
    }

    /// From now until `endWork`, the peer's going away cancels the owner; at once if it has gone already.
    package func beginWork() {
        guard !isClosed else { return }
        unsafe socket.pointee.isWorking = true
        if unsafe socket.pointee.peerClosed { unsafe socket.pointee.owner?.cancel() }
    }

    package func endWork() {
        if !isClosed { unsafe socket.pointee.isWorking = false }
    }

    /// Cancels the task that serves this connection, and its waits.
    package func abort() {
        guard !isClosed else { return }
        unsafe socket.pointee.owner?.cancel()
        unsafe socket.pointee.wake(.closed)
    }

    /// Tells the peer that nothing follows (close_notify, then FIN) and keeps reading possible, so that an answer sent before
    /// is not lost to a reset (RFC 9112 §9.6).
    package func endWriting() {
        guard !isClosed else { return }
        closeSession()
        shutdown(unsafe socket.pointee.fd, CInt(SHUT_WR))
    }

    /// Reads and drops what the peer still sends, until it ends, the deadline passes or `limit` bytes have come.
    package func discardInput(limit: Int, deadline: MonotonicTime) async {
        var scratch = ByteBuffer(capacity: 4096)
        var total = 0
        while total < limit, !isClosed {
            let count = unsafe scratch.withFreeSpace(minimum: 4096) { unsafe (0, socket.receive(into: $0.baseAddress, $0.count)) }
            if count == SocketState.wouldBlock {
                guard (try? await waitForReading(until: deadline)) != nil else { return }
            } else if count <= 0 {
                return
            } else {
                total += count
            }
        }
    }

    /// Ends the connection and wakes whoever waits on it. Idempotent.
    package func close() {
        guard !isClosed else { return }
        closeSession()
        isClosed = true
        if let session = unsafe session { unsafe SSL_free(session) }
        let fd = unsafe socket.pointee.fd
        unsafe socket.pointee.wake(.closed)
        loop.sockets.remove(token)
        Glibc.close(fd)
    }

    // MARK: Waiting

    /// Suspends until a read may succeed. - Throws: `.timeout`, `.closed`.
    package func waitForReading(until deadline: MonotonicTime) async throws(SocketError) {
        if isClosed { throw SocketError(.closed) }
        armDeadline(deadline)
        unsafe try resumed(await withUnsafeContinuation { unsafe socket.waitToRead($0) })
    }

    /// Suspends until a write may succeed. - Throws: `.timeout`, `.closed`.
    package func waitForWriting(until deadline: MonotonicTime) async throws(SocketError) {
        if isClosed { throw SocketError(.closed) }
        armDeadline(deadline)
        unsafe try resumed(await withUnsafeContinuation { unsafe socket.waitToWrite($0) })
    }

    /// Lets the next wait for reading end at once: bytes may be left that were not read.
    package func readAgain() {
        if !isClosed { unsafe socket.pointee.readable = true }
    }

    /// Ends a wait for reading as if bytes had come: there is something to write.
    package func wakeReader() {
        guard !isClosed, let waiting = unsafe socket.pointee.reader else { return }
        unsafe socket.pointee.reader = nil
        unsafe waiting.resume(returning: .ready)
    }

    private func armDeadline(_ deadline: MonotonicTime) {
        unsafe socket.pointee.deadline = deadline.nanoseconds
        unsafe loop.arm(socket, token: token)
    }

    private func resumed(_ wake: Wake) throws(SocketError) {
        if isClosed { throw SocketError(.closed) }
        unsafe socket.pointee.deadline = .max
        switch wake {
        case .ready: return
        case .timedOut: throw SocketError(.timeout)
        case .closed: throw SocketError(.closed)
        }
    }

    // MARK: One attempt

    /// Reads what is there without waiting: the hot path, which an `await` would burden with executor checks.
    package func tryRead(into buffer: inout ByteBuffer, room: Int) -> Attempt {
        if isClosed { return .failed(SocketError(.closed)) }
        if let session = unsafe session {
            // R5: without bytes in the kernel or in OpenSSL's buffer, asking would only say WANT_READ.
            if unsafe !socket.pointee.readable, unsafe SSL_has_pending(session) == 0 { return .wantsRead }
            var count = 0
            let code = unsafe buffer.withFreeSpace(minimum: room) { memory in
                let code = unsafe SSL_read_ex(session, memory.baseAddress, memory.count, &count)
                return (code > 0 ? count : 0, code)
            }
            return code > 0 ? .bytes(count) : failure(of: code)
        }
        let count = unsafe buffer.withFreeSpace(minimum: room) { memory in
            let count = unsafe socket.receive(into: memory.baseAddress, memory.count)
            return (max(0, count), count)
        }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        return count == SocketState.wouldBlock ? .wantsRead : .failed(SocketError(.closed, errno: errno))
    }

    /// Writes what there is room for without waiting. The caller consumes what was written.
    package func tryWrite(_ buffer: borrowing ByteBuffer) -> Attempt {
        if isClosed { return .failed(SocketError(.closed)) }
        if let session = unsafe session {
            var count = 0
            let code = unsafe buffer.withUnsafeBytes { unsafe SSL_write_ex(session, $0.baseAddress, $0.count, &count) }
            return code > 0 ? .bytes(count) : failure(of: code)
        }
        let count = unsafe buffer.withUnsafeBytes { unsafe socket.transmit($0.baseAddress, $0.count) }
        if count >= 0 { return .bytes(count) }
        return count == SocketState.wouldBlock ? .wantsWrite : .failed(SocketError(.closed, errno: errno))
    }
}
