internal import CLinux
internal import Glibc

extension SocketState {
    /// What `receive` and `transmit` return when the kernel has nothing to give or no room.
    static let wouldBlock = -2
}

/// The two calls every byte passes through, shared by plain streams and the TLS callbacks.
extension UnsafeMutablePointer<SocketState> {
    /// Leaves a wait for the next event, unless it came after the attempt that found nothing: a task without a preference for
    /// its loop is moved between the two, and an event that finds nobody waiting is not repeated.
    @inline(__always)
    func waitToRead(_ continuation: UnsafeContinuation<Wake, Never>) {
        if unsafe pointee.readable { unsafe continuation.resume(returning: .ready) } else { unsafe pointee.reader = continuation }
    }

    /// The same for a wait for room.
    @inline(__always)
    func waitToWrite(_ continuation: UnsafeContinuation<Wake, Never>) {
        if unsafe pointee.writable { unsafe continuation.resume(returning: .ready) } else { unsafe pointee.writer = continuation }
    }

    /// Bytes read, 0 at the end, -1 on failure, or `wouldBlock`.
    @inline(__always)
    func receive(into memory: UnsafeMutableRawPointer?, _ length: Int) -> Int {
        guard unsafe pointee.readable else { return SocketState.wouldBlock }
        while true {
            let count = unsafe recv(pointee.fd, memory, length, 0)
            // A short read drained the socket: with edge triggering the next bytes bring an event (R3).
            if count > 0 {
                if count < length, unsafe !pointee.peerClosed { unsafe pointee.readable = false }
                return count
            }
            if count == 0 {
                unsafe pointee.peerClosed = true
                return 0
            }
            if errno == EINTR { continue }
            guard errno == EAGAIN else {
                unsafe pointee.peerClosed = true
                return -1
            }
            unsafe pointee.readable = false
            return SocketState.wouldBlock
        }
    }

    /// Bytes taken, -1 on failure, or `wouldBlock`.
    @inline(__always)
    func transmit(_ memory: UnsafeRawPointer?, _ length: Int) -> Int {
        guard unsafe pointee.writable else { return SocketState.wouldBlock }
        while true {
            let count = unsafe send(pointee.fd, memory, length, CInt(MSG_NOSIGNAL))
            if count >= 0 {
                return count
            }
            if errno == EINTR { continue }
            guard errno == EAGAIN else {
                unsafe pointee.peerClosed = true
                return -1
            }
            unsafe pointee.writable = false
            return SocketState.wouldBlock
        }
    }
}
