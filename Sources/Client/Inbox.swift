internal import CCurl
internal import Synchronization

/// What callers hand to the thread, and the bell that wakes it.
final class Inbox: Sendable {
    private struct State {
        var nextID: UInt64 = 1
        /// Reserved and not finished.
        var alive: Set<UInt64> = []
        /// Cancelled, perhaps before they started.
        var cancelled: Set<UInt64> = []
        var orders: [Order] = []
        var isStopped = false
        var bell: Bell?
    }

    /// The work of one turn.
    struct Delivery {
        var orders: [Order]
        var cancelled: Set<UInt64>
        var isStopped: Bool
    }

    private let state: Mutex<State> = Mutex(State())
    private let queueLimit: Int

    init(queueLimit: Int) { self.queueLimit = queueLimit }

    /// Orders running or waiting.
    var count: Int { state.withLock { $0.alive.count } }

    /// A place in the queue; nil when there is none.
    func reserve() -> UInt64? {
        state.withLock { state in
            guard !state.isStopped, state.alive.count < queueLimit else { return nil }
            let id = state.nextID
            state.nextID += 1
            state.alive.insert(id)
            return id
        }
    }

    func start(_ order: Order) {
        let isRefused = state.withLock { state in
            guard !state.isStopped else { return true }
            state.orders.append(order)
            state.bell?.ring()
            return false
        }
        if isRefused { order.finish(.failure(ClientError(.busy, detail: "the client has stopped"))) }
    }

    func cancel(_ id: UInt64) {
        state.withLock { state in
            guard state.alive.contains(id) else { return }
            state.cancelled.insert(id)
            state.bell?.ring()
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.bell?.ring()
        }
    }

    // MARK: the thread's side

    func install(_ bell: Bell?) { state.withLock { $0.bell = bell } }

    func take() -> Delivery {
        state.withLock { state in
            let delivery = Delivery(orders: state.orders, cancelled: state.cancelled, isStopped: state.isStopped)
            state.orders.removeAll(keepingCapacity: true)
            return delivery
        }
    }

    func finished(_ id: UInt64) {
        state.withLock { state in
            state.alive.remove(id)
            state.cancelled.remove(id)
        }
    }
}

/// Wakes the thread out of its poll.
@safe struct Bell: @unchecked Sendable {
    // Sendable: curl_multi_wakeup is the one function of a multi handle any thread may call; the inbox's lock keeps a
    // ring from meeting the handle's end, because the thread takes the bell back under it first.
    private let multi: UnsafeMutableRawPointer

    init(_ multi: UnsafeMutableRawPointer) { unsafe self.multi = multi }

    func ring() { _ = unsafe curl_multi_wakeup(multi) }
}
