package import Primitives
internal import Synchronization

/// Notes when and from where grants are used, for their users' lists (CON-4): each grant at most once in five minutes, so that a
/// busy client costs no writes.
package final class GrantUse: Sendable {
    private static let interval = Duration.seconds(300)
    private static let capacity = 16_384

    private let store: any GrantStore
    private let noted = Mutex<[GrantID: MonotonicTime]>([:])
    /// Told of the first use of each grant: the end of a connection's way from discovery to its first call.
    private let onFirstUse: @Sendable (Event, IPAddress) async -> Void

    package init(store: any GrantStore, onFirstUse: @escaping @Sendable (Event, IPAddress) async -> Void) {
        self.store = store
        self.onFirstUse = onFirstUse
    }

    func note(_ principal: Principal, from address: IPAddress, at now: Timestamp, received: MonotonicTime) async {
        guard let grant = principal.grantID, isDue(grant, at: received) else { return }
        // A list that is a little behind is no reason to refuse a call.
        guard let use = try? await store.markUsed(grant, from: address.description, at: now), use.isFirst else { return }
        var event = Event("flow.connected", caller: principal)
        if let flow = use.flow { event.details = [("flow", .string(flow))] }
        await onFirstUse(event, address)
    }

    private func isDue(_ grant: GrantID, at now: MonotonicTime) -> Bool {
        noted.withLock { noted in
            if let last = noted[grant], now - last < Self.interval { return false }
            if noted.count >= Self.capacity { noted.removeAll(keepingCapacity: true) }
            noted[grant] = now
            return true
        }
    }
}
