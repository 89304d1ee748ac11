import Crypto
import Primitives
import Synchronization
import Testing

@testable import App

@Suite struct PasswordServiceTests {
    private static let pepper = PasswordHasher.Pepper(name: "1", key: Secret([UInt8](repeating: 3, count: 32)))
    private static let argon = PasswordHasher(Argon2id(memoryKiB: 19_456, passes: 2, lanes: 1), pepper: pepper)

    /// - Parameter step: what each look at the clock adds.
    private func service(step: Duration = .zero) throws -> PasswordService {
        let looks = Mutex(0)
        return try PasswordService(Self.argon, rules: PasswordRules(), pool: BlockingPool(threads: 1, queueLimit: 4)) {
            let count = looks.withLock { looks in
                looks += 1
                return looks
            }
            return MonotonicTime(nanoseconds: 0) + step * count
        }
    }

    @Test func `the right password matches, another does not`() async throws {
        let hash = try Self.argon.hash(Secret("right"))
        #expect(try await service().matches(Secret("right"), hash: hash))
        #expect(try await !service().matches(Secret("wrong"), hash: hash))
    }

    @Test func `an unknown name has no password that matches (WEB-7)`() async throws {
        #expect(try await !service().matches(Secret(""), hash: nil))
    }

    @Test func `a weaker hash is made again, one of today's is not (PW-1)`() async throws {
        let weak = try Argon2id(memoryKiB: 8192, passes: 1, lanes: 1).hash(Secret("right"))
        let better = try #require(try await service().rehash(Secret("right"), replacing: weak))
        #expect(Self.argon.verify(Secret("right"), against: better))
        #expect(try await service().rehash(Secret("right"), replacing: better) == nil)
    }

    @Test func `what waited ten seconds is not hashed any more (PW-1, contract §9)`() async throws {
        let service = try service(step: .seconds(10))
        await #expect(throws: BlockingPool.Refusal.full) { try await service.matches(Secret("right"), hash: nil) }
    }
}
