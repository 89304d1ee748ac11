internal import Synchronization

/// An OpenSSL context or algorithm by its address.
@safe struct Handle: @unchecked Sendable {
    // Sendable: contexts are with one caller at a time (see ContextPool), algorithms are immutable once fetched.
    let pointer: OpaquePointer
    init?(_ pointer: OpaquePointer?) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
    }
}

/// OpenSSL contexts between uses: making one costs more than what it computes. At most `capacity` are kept.
final class ContextPool: Sendable {
    private let idle = Mutex<[Handle]>([])
    private let make: @Sendable () -> Handle?
    private let free: @Sendable (Handle) -> Void
    private static let capacity = 64

    init(make: @escaping @Sendable () -> Handle?, free: @escaping @Sendable (Handle) -> Void) {
        self.make = make
        self.free = free
    }

    deinit { for context in idle.withLock({ $0 }) { free(context) } }

    func withContext<R>(_ body: (Handle) -> R) -> R {
        guard let context = idle.withLock({ $0.popLast() }) ?? make() else { preconditionFailure("out of memory") }
        let result = body(context)
        let isKept = idle.withLock { idle in
            guard idle.count < Self.capacity else { return false }
            idle.append(context)
            return true
        }
        if !isKept { free(context) }
        return result
    }
}
