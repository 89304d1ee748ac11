import Crypto
import OAuth
import Primitives
import Synchronization

/// The connections clients are making: which address or client is on its way, under which id (mcp.md §8.1). A hint for
/// operators, kept in memory for an hour; nothing is decided by it.
final class FlowTraces: FlowTracing {
    private struct Trace {
        let id: String
        var steps: Set<String>
        let begunAt: MonotonicTime
    }

    private struct State {
        var byAddress: [IPAddress: Trace] = [:]
        var byClient: [ClientID: (id: String, at: MonotonicTime)] = [:]
        /// New traces within the present minute: strangers cannot fill the log by discovering from many addresses.
        var minute = MonotonicTime(nanoseconds: 0)
        var begun = 0
    }

    private static let lifetime = Duration.seconds(3600)
    private static let capacity = 4096
    private static let perMinute = 120

    private let state = Mutex(State())

    /// Notes a step before the client is known. Returns the event to record, at most once for each step of a trace.
    func step(_ name: String, from address: IPAddress, at now: MonotonicTime) -> Event? {
        let id: String? = state.withLock { state in
            guard var trace = trace(&state, address, now) else { return nil }
            guard trace.steps.insert(name).inserted else { return nil }
            state.byAddress[address.limitKey] = trace
            return trace.id
        }
        guard let id else { return nil }
        return Event("flow.step", details: [("step", .string(name)), ("flow", .string(id))])
    }

    /// A client registered from an address goes on under the address's id, wherever its browser is.
    func bind(_ client: ClientID, from address: IPAddress, at now: MonotonicTime) -> String? {
        state.withLock { state in
            guard let trace = trace(&state, address, now) else { return nil }
            if state.byClient.count >= Self.capacity {
                state.byClient = state.byClient.filter { now - $0.value.at < Self.lifetime }
                if state.byClient.count >= Self.capacity { state.byClient.removeAll() }
            }
            state.byClient[client] = (trace.id, now)
            state.byAddress[address.limitKey] = nil  // the next connection from there is another one
            return trace.id
        }
    }

    func flow(of client: ClientID, from address: IPAddress) -> String {
        let now = MonotonicTime.now()
        let known: String? = state.withLock { state in
            if let known = state.byClient[client], now - known.at < Self.lifetime { return known.id }
            guard let trace = state.byAddress.removeValue(forKey: address.limitKey), now - trace.begunAt < Self.lifetime else {
                return nil
            }
            return trace.id
        }
        return known ?? Self.freshID()
    }

    private static func freshID() -> String { "f" + Random.text(15) }

    private func trace(_ state: inout State, _ address: IPAddress, _ now: MonotonicTime) -> Trace? {
        if let trace = state.byAddress[address.limitKey], now - trace.begunAt < Self.lifetime { return trace }
        if now - state.minute >= .seconds(60) { (state.minute, state.begun) = (now, 0) }
        guard state.begun < Self.perMinute else { return nil }
        state.begun += 1
        if state.byAddress.count >= Self.capacity {
            state.byAddress = state.byAddress.filter { now - $0.value.begunAt < Self.lifetime }
            if state.byAddress.count >= Self.capacity { state.byAddress.removeAll() }
        }
        let trace = Trace(id: Self.freshID(), steps: [], begunAt: now)
        state.byAddress[address.limitKey] = trace
        return trace
    }
}
