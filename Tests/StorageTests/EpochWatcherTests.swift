import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct EpochWatcherTests {
    @Test func `a change in this process is seen before it returns`() async throws {
        let f = try await Fixture()
        let watcher = try EpochWatcher(f.database)
        defer { watcher.stop() }
        let before = watcher.current
        try await f.users.setRole(.admin, of: User.ada.id)
        #expect(watcher.current == before + 1)
    }

    @Test func `a change in another process is seen within a second`() async throws {
        let f = try await Fixture()
        let watcher = try EpochWatcher(f.database)
        defer { watcher.stop() }
        let before = watcher.current
        let other = try Database(path: f.path)
        try await SQLiteUserStore(other).setRole(.admin, of: User.ada.id)
        let deadline = MonotonicTime.now() + .seconds(1)
        while watcher.current == before, MonotonicTime.now() < deadline { await Task.yield() }
        #expect(watcher.current == before + 1)
        await other.close()
    }
}
