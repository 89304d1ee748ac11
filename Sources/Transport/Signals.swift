internal import CLinux
internal import Glibc
internal import Synchronization

/// A signal a server acts on.
package enum Signal: Sendable, Equatable {
    /// SIGTERM or SIGINT: finish and go.
    case terminate
    /// SIGHUP: read certificates and configuration again.
    case reload
    /// Another process serves in our place: finish and go. Posted, never a signal of the system.
    case handedOver
}

/// Delivers signals as a wait. One per process; making it also ignores SIGPIPE, so that writing to a closed connection is an
/// error and not an end.
@safe package actor SignalWatcher {
    private nonisolated let loop: EventLoop
    private let descriptor: CInt
    private let token: UInt64
    private let socket: UnsafeMutablePointer<SocketState>

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private init(_ descriptor: CInt, on loop: EventLoop) throws(SocketError) {
        self.loop = loop
        self.descriptor = descriptor
        let pipe = FileDescriptor(descriptor)
        let entry = unsafe try loop.register(fd: descriptor)
        token = unsafe entry.token
        unsafe socket = unsafe entry.socket
        _ = pipe.release()
    }

    /// Installs the handlers. The first call of the process counts; later ones would take its signals away.
    package static func install(on loop: EventLoop) async throws(SocketError) -> SignalWatcher {
        var (readEnd, end): (CInt, CInt) = (-1, -1)
        guard unsafe gh_pipe(&readEnd, &end) == 0 else { throw SocketError(.resources, errno: errno) }
        let watcher = try await make(readEnd, on: LoopContext(loop))
        writeEnd.store(end, ordering: .releasing)
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT, SIGHUP] {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = note
            action.sa_flags = SA_RESTART
            unsafe sigaction(number, &action, nil)
        }
        return watcher
    }

    private static func make(_ fd: CInt, on context: isolated LoopContext) throws(SocketError) -> SignalWatcher {
        try SignalWatcher(fd, on: context.loop)
    }

    /// Delivers `.handedOver`, from any thread.
    package static func postHandedOver() { note(handedOverMark) }

    /// Waits for the next signal. Nil when the loop stops.
    package func next() async -> Signal? {
        while true {
            // What comes after the read below shows here: this task runs on other executors too, and may be moved between the
            // read and the wait.
            unsafe socket.pointee.readable = false
            var byte: UInt8 = 0
            let count = unsafe read(descriptor, &byte, 1)
            if count == 1 {
                switch CInt(byte) {
                case SIGHUP: return .reload
                case handedOverMark: return .handedOver
                default: return .terminate
                }
            }
            guard count < 0, errno == EAGAIN || errno == EINTR else { return nil }
            if errno == EINTR { continue }
            let wake = unsafe await withUnsafeContinuation { unsafe socket.waitToRead($0) }
            if wake == .closed { return nil }
        }
    }
}

/// Above every signal's number.
private let handedOverMark: CInt = 200

/// Where the handler writes; a handler may do little else (signal-safety(7)).
private let writeEnd = Atomic<CInt>(-1)

private let note: @convention(c) (CInt) -> Void = { number in
    let saved = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = unsafe write(writeEnd.load(ordering: .acquiring), &byte, 1)
    errno = saved
}
