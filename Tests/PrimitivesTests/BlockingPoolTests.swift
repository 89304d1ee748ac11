import Primitives
import Testing

@Suite struct BlockingPoolTests {
    struct Broken: Error {}

    @Test func `results and errors come back to the caller`() async throws {
        let pool = BlockingPool(threads: 2, queueLimit: 8)
        #expect(try await pool.run { 42 } == 42)
        await #expect(throws: Broken.self) { try await pool.run { throw Broken() } }
    }

    @Test func `a full queue refuses instead of waiting`() async throws {
        let pool = BlockingPool(threads: 1, queueLimit: 1)
        let gate = Monitor(false)
        let refusals = await withTaskGroup { group in
            for _ in 0..<3 {  // one runs, one waits, so one at least is refused, and opens the gate for the others
                group.addTask {
                    do {
                        try await pool.run { gate.wait { $0 ? () : nil } }
                        return 0
                    } catch {
                        gate.update(wakeAll: true) { $0 = true }
                        return 1
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(refusals >= 1)
    }

    @Test func `a stopped pool refuses`() async {
        let pool = BlockingPool(threads: 1, queueLimit: 1)
        pool.stop()
        await #expect(throws: BlockingPool.Refusal.stopped) { try await pool.run {} }
    }
}
