import Foundation
import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct DatabaseTests {
    @Test func `the files are readable by their owner alone`() async throws {
        let f = try await Fixture()
        for name in try FileManager.default.contentsOfDirectory(atPath: f.directory) {
            let mode = try FileManager.default.attributesOfItem(atPath: f.directory + "/" + name)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
    }

    @Test func `reopening keeps everything`() async throws {
        let f = try await Fixture()
        try await f.family()
        let epoch = f.database.epoch.current
        await f.database.close()
        let again = try Database(path: f.path)
        #expect(again.epoch.current == epoch)
        #expect(try await SQLiteUserStore(again).user(named: "ada") == .ada)
        #expect(try await SQLiteTokenStore(again).facts(of: .of("access-g1"))?.isActive == true)
        #expect(try await SQLiteGrantStore(again).refreshToken(.of("refresh-g1"))?.isActive == true)
        await again.close()
    }

    @Test func `a closed database refuses`() async throws {
        let f = try await Fixture()
        await f.database.close()
        await f.database.close()
        let write = await #expect(throws: StoreError.self) { try await f.users.remove(User.ada.id) }
        let read = await #expect(throws: StoreError.self) { try await f.users.users() }
        #expect(write?.code == .unavailable && read?.code == .unavailable)
    }

    @Test func `closing answers what was queued before`() async throws {
        let f = try await Fixture()
        let gate = Gate()
        async let blocker: Void = f.database.write { _ in gate.wait() }
        await gate.entered()
        async let results: [Void] = concurrently(100) { index in try await f.insertUser(index) }
        gate.open(after: 100, in: f.database) { f.database.stopAccepting() }
        try await blocker
        #expect(try await results.count == 100)
        await f.database.close()
    }

    @Test func `a failing job does not undo its batch mates`() async throws {
        let f = try await Fixture()
        let gate = Gate()
        async let blocker: Void = f.database.write { _ in gate.wait() }
        await gate.entered()
        async let results = concurrently(40) { index -> Bool in
            do {
                try await f.database.write { transaction throws(StoreError) in
                    try transaction.run(
                        "INSERT INTO users (id, name, role, is_disabled, created_at) VALUES (?1, ?1, 'viewer', 0, 0)",
                        [.text("batch\(index)")])
                    try transaction.bumpEpoch()
                    if index % 2 == 0 { throw StoreError(.internalError, "on purpose") }
                }
                return true
            } catch { return false }
        }
        let before = f.database.epoch.current
        gate.open(after: 40, in: f.database)
        try await blocker
        #expect(try await results.filter { $0 }.count == 20)
        let names = try await f.users.users().map(\.name).filter { $0.hasPrefix("batch") }
        #expect(names.count == 20 && names.allSatisfy { Int($0.dropFirst(5))! % 2 == 1 })
        #expect(f.database.epoch.current == before + 20)
        let stored = try await f.database.read { connection throws(StoreError) in
            try connection.first("SELECT value FROM revocation_epoch", []) { row in row.integer(0) }
        }
        #expect(stored == Int64(f.database.epoch.current))
    }

    @Test func `a full queue refuses at once`() async throws {
        let f = try await Fixture()
        await f.database.close()
        let small = try Database(path: f.path, readers: 1, queueLimit: 8)
        let gate = Gate()
        async let blocker: Void = small.write { _ in gate.wait() }
        await gate.entered()
        async let results = concurrently(20) { _ -> StoreError.Code? in
            do {
                try await small.write { _ in }
                return nil
            } catch { return (error as? StoreError)?.code }
        }
        gate.open(after: 8, in: small)
        try await blocker
        let codes = try await results
        #expect(codes.allSatisfy { $0 == nil || $0 == .unavailable })
        #expect(codes.contains(nil))
        await small.close()
    }

    @Test func `the writers of two processes do not fail each other`() async throws {
        let f = try await Fixture()
        let other = try Database(path: f.path)
        let otherUsers = SQLiteUserStore(other)
        async let mine: [Void] = concurrently(100) { index in try await f.insertUser(index) }
        async let theirs: [Void] = concurrently(100) { index in
            try await otherUsers.insert(
                User(id: UserID("o\(index)"), name: "o\(index)", role: .viewer, isDisabled: false, createdAt: .at(0)),
                passwordHash: nil)
        }
        _ = try await (mine, theirs)
        #expect(try await f.users.users().count == 201)
        await other.close()
    }

    @Test func `two processes may create the same file at once`() async throws {
        let f = try await Fixture()
        let path = f.directory + "/fresh.db"
        let opened = try await concurrently(4) { _ in try Database(path: path) }
        for database in opened { await database.close() }
    }

    @Test func `another program's file is refused`() async throws {
        let f = try await Fixture()
        let path = f.directory + "/other.db"
        try Data("not a database, but longer than the header of one would be".utf8).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: StoreError.self) { try Database(path: path) }
        #expect(error?.code == .incompatible)
    }

    @Test(
        arguments: [
            "UPDATE migrations SET digest = x'00' WHERE number = 1", "INSERT INTO migrations VALUES (999, x'00', 0)",
            "PRAGMA application_id = 1",
        ] as [StaticString])
    func `a changed, newer or foreign schema is refused`(_ damage: StaticString) async throws {
        let f = try await Fixture()
        await f.database.close()
        do {
            let connection = try Connection.open(f.path, .readWrite)
            try connection.execute(damage)
        }
        let error = #expect(throws: StoreError.self) { try Database(path: f.path) }
        #expect(error?.code == .incompatible)
    }

    @Test func `a reader cannot write`() async throws {
        let f = try await Fixture()
        await #expect(throws: StoreError.self) {
            try await f.database.read { connection throws(StoreError) in try connection.run("DELETE FROM users") }
        }
    }

    @Test func `a file that opening would migrate is told from a current one`() async throws {
        let f = try await Fixture()
        #expect(try Database.isCurrent(path: f.path))
        let connection = try Connection.open(f.path, .readWrite)
        try connection.execute("DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)")
        #expect(try !Database.isCurrent(path: f.path))
    }
}

extension Fixture {
    func insertUser(_ index: Int) async throws {
        try await users.insert(
            User(id: UserID("m\(index)"), name: "m\(index)", role: .viewer, isDisabled: false, createdAt: .at(0)), passwordHash: nil
        )
    }
}

/// Holds the writer's thread until the queue behind it is as long as a test needs.
final class Gate: Sendable {
    private let state = Monitor((isEntered: false, isOpen: false))

    func wait() {
        state.update(wakeAll: true) { $0.isEntered = true }
        _ = state.wait(atMost: .seconds(10)) { $0.isOpen ? true : nil }
    }

    /// Returns once the writer stands in the gate. Yields: a test must not hold one of the few threads tasks share.
    func entered() async {
        let deadline = MonotonicTime.now() + .seconds(10)
        while !state.update({ $0.isEntered }), MonotonicTime.now() < deadline { await Task.yield() }
    }

    /// Opens once that many writes wait.
    func open(after count: Int, in database: Database, first body: @escaping @Sendable () -> Void = {}) {
        startThread { [self] in
            let deadline = MonotonicTime.now() + .seconds(5)
            while database.waitingWrites < count, MonotonicTime.now() < deadline { sched_yield() }
            body()
            state.update(wakeAll: true) { $0.isOpen = true }
        }
    }
}
