internal import Glibc
package import HTTP
package import Primitives
internal import Synchronization

/// Finds the addresses of a host.
package protocol HostResolver: Sendable {
    /// Every address of the name, in the order to try them. - Throws: `GuardError` when there is none or no answer in time.
    func addresses(of host: String) async throws(GuardError) -> [IPAddress]
}

/// The system's resolver, on threads of its own.
package struct SystemResolver: HostResolver {
    private let pool = BlockingPool(threads: 2, queueLimit: 16)
    private let sleeper: any Sleeper
    private let timeout: Duration
    private let lookUp: @Sendable (String) -> [IPAddress]

    /// - Parameters:
    ///   - timeout: for one name. The lookup itself cannot be stopped: it keeps its thread, and the pool's bounded queue
    ///     refuses further names while all threads are stuck.
    ///   - lookUp: blocks until it knows; empty for a name without address.
    package init(
        sleeper: any Sleeper, timeout: Duration = .seconds(2),
        lookUp: @escaping @Sendable (String) -> [IPAddress] = SystemResolver.systemAddresses
    ) {
        self.sleeper = sleeper
        self.timeout = timeout
        self.lookUp = lookUp
    }

    package func addresses(of host: String) async throws(GuardError) -> [IPAddress] {
        let race = Race()
        // Both end on their own: the lookup with its answer, the timer when it is cancelled below.
        Task { [pool, lookUp] in
            let found = try? await pool.run { lookUp(host) }
            race.finish(found.map { .success($0) } ?? .failure(GuardError("too many name lookups")))
        }
        let timer = Task { [sleeper, timeout] in
            guard (try? await sleeper.sleep(for: timeout)) != nil else { return }
            race.finish(.failure(GuardError("name lookup timed out")))
        }
        let result = await race.result()
        timer.cancel()
        let addresses = try result.get()
        guard !addresses.isEmpty else { throw GuardError("name has no address") }
        return addresses
    }

    /// Asks getaddrinfo(3), in the order of RFC 6724. Blocks.
    package static func systemAddresses(_ host: String) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var out: [IPAddress] = []
        var node = unsafe list
        while let current = unsafe node {
            if let socket = unsafe current.pointee.ai_addr, let address = unsafe IPAddress(socket: socket), !out.contains(address) {
                out.append(address)
            }
            unsafe node = current.pointee.ai_next
        }
        return out
    }
}

/// The first of two results wins; the other is dropped.
private final class Race: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<Result<[IPAddress], GuardError>, Never>)
        case finished(Result<[IPAddress], GuardError>)
    }

    private let state = Mutex(State.running)

    func finish(_ result: Result<[IPAddress], GuardError>) {
        let waiter: CheckedContinuation<Result<[IPAddress], GuardError>, Never>? = state.withLock { state in
            switch state {
            case .running:
                state = .finished(result)
                return nil
            case .awaited(let continuation):
                state = .finished(result)
                return continuation
            case .finished: return nil
            }
        }
        waiter?.resume(returning: result)
    }

    /// Called once.
    func result() async -> Result<[IPAddress], GuardError> {
        await withCheckedContinuation { continuation in
            let early: Result<[IPAddress], GuardError>? = state.withLock { state in
                if case .finished(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let early { continuation.resume(returning: early) }
        }
    }
}
