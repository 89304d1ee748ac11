import Crypto
import OAuth
import Primitives

/// Password hashing off the event loops: at most two or one per core at once, 64 waiting, each for 10 s (contract §9).
struct PasswordService: PasswordChecker {
    let hasher: PasswordHasher
    let rules: PasswordRules
    let pool: BlockingPool
    private let clock: @Sendable () -> MonotonicTime
    private static let patience = Duration.seconds(10)
    /// Hash of a password nobody has: an unknown name costs the same time (WEB-7).
    private let decoy: String

    init(
        _ hasher: PasswordHasher, rules: PasswordRules, pool: BlockingPool,
        clock: @escaping @Sendable () -> MonotonicTime = { .now() }
    ) throws(CryptoError) {
        self.init(hasher, rules, pool, clock, decoy: try hasher.hash(Secret(Random.bytes(32))))
    }

    private init(
        _ hasher: PasswordHasher, _ rules: PasswordRules, _ pool: BlockingPool, _ clock: @escaping @Sendable () -> MonotonicTime,
        decoy: String
    ) {
        self.hasher = hasher
        self.rules = rules
        self.pool = pool
        self.clock = clock
        self.decoy = decoy
    }

    /// The same under other rules for new passwords.
    func adopting(_ rules: PasswordRules) -> PasswordService { PasswordService(hasher, rules, pool, clock, decoy: decoy) }

    /// Why a new password is refused, in a sentence; nil when it is good (PW-2).
    func fault(of password: Secret, username: String) async throws -> String? {
        try await run { [rules] in try rules.fault(of: password, username: username) }
    }

    func matches(_ password: Secret, hash: String?) async throws -> Bool {
        let phc = hash ?? decoy
        let isRight = try await run { hasher.verify(password, against: phc) }
        return isRight && hash != nil
    }

    func rehash(_ password: Secret, replacing hash: String) async throws -> String? {
        guard hasher.needsRehash(hash) else { return nil }
        return try await run { try hasher.hash(password) }
    }

    /// A new hash for a password that was just chosen.
    func hash(_ password: Secret) async throws -> String { try await run { try hasher.hash(password) } }

    /// Nobody waits any more for what stood in the queue too long: it costs no memory then, and the browser is told to try again.
    private func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        let end = clock() + Self.patience
        return try await pool.run { [clock] in
            guard clock() < end else { throw BlockingPool.Refusal.full }
            return try work()
        }
    }
}
