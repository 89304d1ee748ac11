/// Why a suspended socket operation resumed.
enum Wake {
    case ready, timedOut, closed
}

/// What the loop and the TLS callbacks know of one descriptor: a plain struct behind a pointer, so that the callbacks
/// count no references (R4). Its slot owns it; only the loop's thread touches it.
@safe struct SocketState {
    let fd: CInt
    // Optimistic until a call says EAGAIN (R3).
    var readable = true
    var writable = true
    /// The peer will send no more, or the connection broke.
    var peerClosed = false
    var reader: UnsafeContinuation<Wake, Never>?
    var writer: UnsafeContinuation<Wake, Never>?
    /// When the waiting operation gives up; `.max` when nothing waits.
    var deadline = Int64.max
    /// The time of this socket's entry in the timer heap; an entry with any other time is stale.
    var armed = Int64.max
    /// The task that serves this connection.
    var owner: Task<Void, Never>?
    /// The owner works for the peer and does not read: it is cancelled when the peer goes away.
    var isWorking = false

    init(fd: CInt) { self.fd = fd }

    mutating func wake(_ reason: Wake) {
        if let waiting = unsafe reader {
            unsafe reader = nil
            unsafe waiting.resume(returning: reason)
        }
        if let waiting = unsafe writer {
            unsafe writer = nil
            unsafe waiting.resume(returning: reason)
        }
    }
}

/// The sockets of one loop by slot. A slot's generation changes when its socket is closed, so that an event or timer for
/// a closed descriptor is told from one for its successor (R14).
@safe struct SocketTable {
    @safe private struct Slot {
        var generation: UInt32
        var socket: UnsafeMutablePointer<SocketState>?
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []

    var count: Int { slots.count - free.count }

    /// Puts the descriptor into a slot. The token names both for epoll and timers; its top bit is clear.
    mutating func insert(fd: CInt) -> (token: UInt64, socket: UnsafeMutablePointer<SocketState>) {
        let socket = UnsafeMutablePointer<SocketState>.allocate(capacity: 1)
        unsafe socket.initialize(to: SocketState(fd: fd))
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
            unsafe slots[Int(index)].socket = socket
        } else {
            index = UInt32(slots.count)
            unsafe slots.append(Slot(generation: 0, socket: socket))
        }
        return unsafe (UInt64(slots[Int(index)].generation) << 32 | UInt64(index), socket)
    }

    subscript(token: UInt64) -> UnsafeMutablePointer<SocketState>? {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == UInt32(token >> 32) else { return nil }
        return unsafe slots[index].socket
    }

    /// Ends the slot's generation and frees the state. Whoever waited has been woken before.
    mutating func remove(_ token: UInt64) {
        guard let socket = unsafe self[token] else { return }
        unsafe socket.deinitialize(count: 1)
        unsafe socket.deallocate()
        let index = Int(token & 0xFFFF_FFFF)
        unsafe slots[index].socket = nil
        slots[index].generation = (slots[index].generation &+ 1) & 0x7FFF_FFFF
        free.append(UInt32(index))
    }

    func wakeAll(_ reason: Wake) {
        for slot in slots { unsafe slot.socket?.pointee.wake(reason) }
    }
}
