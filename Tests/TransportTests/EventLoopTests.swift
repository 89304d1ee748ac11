import Primitives
import Testing
import Transport

@Suite struct EventLoopTests {
    /// Runs the body with a loop of its own and ends it afterwards.
    private func withLoop<R>(_ body: (EventLoop) async throws -> R) async throws -> R {
        let loop = try EventLoop(index: 0)
        defer { loop.stop() }
        return try await body(loop)
    }

    private func isCurrent(on context: isolated LoopContext) -> Bool { context.loop.isCurrent }

    @Test func `a task with the loop's preference and an actor on it run on its thread`() async throws {
        try await withLoop { loop in
            #expect(!loop.isCurrent)
            #expect(await Task(executorPreference: loop) { loop.isCurrent }.value)
            #expect(await isCurrent(on: LoopContext(loop)))
        }
    }

    @Test func `sleepers wake in the order of their times`() async throws {
        try await withLoop { loop in
            let order = Monitor([Int]())
            await withTaskGroup { group in
                for milliseconds in [30, 5, 15] {
                    group.addTask {
                        try? await loop.sleep(for: .milliseconds(milliseconds))
                        order.update { $0.append(milliseconds) }
                    }
                }
            }
            #expect(order.update { $0 } == [5, 15, 30])
        }
    }

    @Test func `a cancelled sleep ends at once`() async throws {
        try await withLoop { loop in
            for _ in 0..<100 {
                let task = Task { try await loop.sleep(for: .seconds(3600)) }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
    }

    @Test func `a sleep begun by a cancelled task does not start`() async throws {
        try await withLoop { loop in
            let task = Task(executorPreference: loop) {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await loop.sleep(for: .seconds(3600))
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `stopping wakes sleepers with an error`() async throws {
        let loop = try EventLoop(index: 0)
        let asleep = Task(executorPreference: loop) { try await loop.sleep(for: .seconds(3600)) }
        // Runs after the task above has begun its sleep: the loop's queue is first in, first out.
        await Task(executorPreference: loop) {}.value
        loop.stop()
        await #expect(throws: CancellationError.self) { try await asleep.value }
    }

    @Test func `a task that keeps yielding does not starve timers`() async throws {
        try await withLoop { loop in
            let busy = Task(executorPreference: loop) { while !Task.isCancelled { await Task.yield() } }
            try await loop.sleep(for: .milliseconds(1))
            busy.cancel()
            await busy.value
        }
    }

    @Test func `calls from many threads all run on the loop`() async throws {
        try await withLoop { loop in
            let count = Monitor(0)
            await withTaskGroup { group in
                for _ in 0..<64 {
                    group.addTask {
                        for _ in 0..<100 { loop.perform { count.update { $0 += loop.isCurrent ? 1 : 0 } } }
                    }
                }
            }
            await withCheckedContinuation { continuation in loop.perform { continuation.resume() } }
            #expect(count.update { $0 } == 6400)
        }
    }

    @Test func `a group names its loops by index`() throws {
        let group = try EventLoopGroup(count: 3)
        #expect(group.loops.map(\.index) == [0, 1, 2])
        group.stop()
    }
}
