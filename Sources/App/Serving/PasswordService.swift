import Crypto
import OAuth
import Policy
import Primitives

/// Password hashing off the event loops: at most two or one per core at once, 64 waiting, each for 10 s (contract §9).
struct PasswordService: PasswordChecker {
    let argon: Argon2id
    let pool: BlockingPool
    private let clock: @Sendable () -> MonotonicTime
    private static let patience = Duration.seconds(10)
    /// Hash of a password nobody has: an unknown name costs the same time (WEB-7).
    private let decoy: String

    init(argon: Argon2id, pool: BlockingPool, clock: @escaping @Sendable () -> MonotonicTime = { .now() }) throws(CryptoError) {
        self.argon = argon
        self.pool = pool
        self.clock = clock
        decoy = try argon.hash(Secret(Random.bytes(32)))
    }

    func matches(_ password: Secret, hash: String?) async throws -> Bool {
        let phc = hash ?? decoy
        let isRight = try await run { argon.verify(password, against: phc) }
        return isRight && hash != nil
    }

    func rehash(_ password: Secret, replacing hash: String) async throws -> String? {
        guard argon.needsRehash(hash) else { return nil }
        return try await run { try argon.hash(password) }
    }

    /// A new hash for a password that was just chosen.
    func hash(_ password: Secret) async throws -> String { try await run { try argon.hash(password) } }

    /// Nobody waits any more for what stood in the queue too long: it costs no memory then, and the browser is told to try again.
    private func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        let end = clock() + Self.patience
        return try await pool.run { [clock] in
            guard clock() < end else { throw BlockingPool.Refusal.full }
            return try work()
        }
    }
}

/// The throttle of BF-1 on the process's own clock.
struct LoginGuard: LoginThrottle {
    let throttle: AttemptThrottle

    func delay(account: String, address: IPAddress) -> Duration? { throttle.delay(account: account, address: address, at: .now()) }
    func failed(account: String, address: IPAddress) { throttle.failed(account: account, address: address, at: .now()) }
    func succeeded(account: String, address: IPAddress) { throttle.succeeded(account: account, address: address) }
}
