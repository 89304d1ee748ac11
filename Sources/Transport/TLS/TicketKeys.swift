internal import COpenSSL
internal import Glibc
internal import Primitives
internal import Synchronization

/// The keys that seal TLS session tickets: in memory only, changed as time passes, shared by all loops and by the contexts of a
/// reload. A stolen key opens what was sealed within two intervals and nothing before or after.
@safe final class TicketKeys: Sendable {
    /// One generation of keys.
    private struct Keys {
        /// Tells which keys sealed a ticket; the peer sees it.
        let name: [UInt8]
        let cipher: [UInt8]
        let mac: [UInt8]
        let madeAt: MonotonicTime
    }

    private struct State {
        var current: Keys
        /// Still opens tickets, which are then renewed.
        var previous: Keys?
    }

    private let state: Mutex<State>
    private let interval: Duration
    private let clock: @Sendable () -> MonotonicTime
    private static let nameCount = 16

    /// - Parameters:
    ///   - interval: how long tickets are sealed with the same keys; they open for as long again.
    ///   - clock: may differ in tests.
    init(interval: Duration = .seconds(3600), clock: @escaping @Sendable () -> MonotonicTime = { .now() }) {
        self.interval = interval
        self.clock = clock
        state = Mutex(State(current: Self.make(at: clock()), previous: nil))
    }

    /// Has a context seal its tickets here. The context must not outlive this object.
    func install(in context: OpaquePointer) {
        unsafe gh_ssl_ctx_set_app_data(context, Unmanaged.passUnretained(self).toOpaque())
        unsafe gh_ssl_ctx_set_ticket_key_cb(context, sealOrOpen)
    }

    private static func make(at now: MonotonicTime) -> Keys {
        func random(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            precondition(unsafe RAND_bytes(&bytes, CInt(count)) == 1, "the system has no random numbers")
            return bytes
        }
        return Keys(name: random(nameCount), cipher: random(32), mac: random(32), madeAt: now)
    }

    /// The keys to seal with.
    private func sealing() -> Keys {
        let now = clock()
        return state.withLock { state in
            rotate(&state, now)
            return state.current
        }
    }

    /// The keys of that name, and whether the ticket should be renewed; nil for keys that are gone or never were.
    private func opening(_ name: UnsafePointer<UInt8>) -> (keys: Keys, isOld: Bool)? {
        let now = clock()
        return state.withLock { state in
            rotate(&state, now)
            func isNamed(_ keys: Keys) -> Bool { unsafe CRYPTO_memcmp(keys.name, name, Self.nameCount) == 0 }
            if isNamed(state.current) { return (state.current, false) }
            if let previous = state.previous, isNamed(previous) { return (previous, true) }
            return nil
        }
    }

    private func rotate(_ state: inout State, _ now: MonotonicTime) {
        let age = now - state.current.madeAt
        guard age >= interval else { return }
        // After a quiet time even the keys just replaced are too old.
        state.previous = age < interval * 2 ? state.current : nil
        state.current = Self.make(at: now)
    }

    /// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 goes on, 2 goes on and renews, 0 makes a full handshake, negative fails.
    fileprivate func prepare(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer, _ mac: OpaquePointer,
        isSealing: Bool
    ) -> CInt {
        let keys: Keys
        var isOld = false
        if isSealing {
            keys = sealing()
            guard unsafe RAND_bytes(vector, 16) == 1 else { return -1 }
            unsafe name.update(from: keys.name, count: Self.nameCount)
        } else {
            guard let found = unsafe opening(name) else { return 0 }
            (keys, isOld) = found
        }
        let isSet =
            unsafe gh_evp_cipher_init(cipher, TicketAlgorithms.cipher, keys.cipher, vector, isSealing ? 1 : 0) == 1
            && gh_evp_mac_set_key(mac, keys.mac, keys.mac.count) == 1
        return isSet ? (isOld ? 2 : 1) : -1
    }
}

/// Fetched once: a fetch for each handshake costs more than the sealing.
private enum TicketAlgorithms {
    nonisolated(unsafe) static let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
}

private let sealOrOpen:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?, CInt
    ) -> CInt = { session, name, vector, cipher, mac, isSealing in
        guard let context = unsafe SSL_get_SSL_CTX(session), let owner = unsafe gh_ssl_ctx_get_app_data(context),
            let name = unsafe name,
            let vector = unsafe vector, let cipher = unsafe cipher, let mac = unsafe mac
        else { return -1 }
        let keys = unsafe Unmanaged<TicketKeys>.fromOpaque(owner).takeUnretainedValue()
        return unsafe keys.prepare(name, vector, cipher, mac, isSealing: isSealing == 1)
    }
