import Foundation
import OAuth
import Primitives
import Testing

@testable import Storage

@Suite struct MaintenanceTests {
    @Test func `a backup is a database of its own, readable by its owner alone`() async throws {
        let f = try await Fixture()
        try await f.family()
        let copy = f.directory + "/backup.db"
        try DatabaseFile(path: f.path).backup(to: copy)
        #expect(try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: f.directory).filter { $0.hasPrefix("backup") } == ["backup.db"])
        try await f.users.remove(User.ada.id)
        let restored = try Database(path: copy)
        #expect(try await SQLiteUserStore(restored).user(named: "ada") == .ada)
        #expect(try await SQLiteTokenStore(restored).facts(of: .of("access-g1"))?.isActive == true)
        await restored.close()
    }

    @Test func `a backup ends under constant writing, and tells how far it is`() async throws {
        let f = try await Fixture()
        try Self.fill(f.path, from: 0, count: 500)
        let isOver = Flag()
        defer { isOver.set() }
        let path = f.path
        // A thread of its own: nothing here may wait for other tests.
        startThread {
            var index = 1000
            while !isOver.isSet, (try? Self.fill(path, from: index, count: 1)) != nil { index += 1 }
        }
        var seen: [(Int, Int)] = []
        try DatabaseFile(path: f.path).backup(to: f.directory + "/backup.db") { seen.append(($0, $1)) }
        #expect(seen.last.map { $0.0 == $0.1 && $0.0 > 0 } == true)
        #expect(try DatabaseFile(path: f.directory + "/backup.db").problems() == [])
    }

    @Test func `a backup never overwrites unless told to`() async throws {
        let f = try await Fixture()
        let copy = f.directory + "/backup.db"
        try Data("mine".utf8).write(to: URL(filePath: copy))
        let error = #expect(throws: StoreError.self) { try DatabaseFile(path: f.path).backup(to: copy) }
        #expect(error?.code == .conflict)
        #expect(try String(contentsOfFile: copy, encoding: .utf8) == "mine")
        try DatabaseFile(path: f.path).backup(to: copy, replacing: true)
        #expect(try DatabaseFile(path: copy).schema().isCurrent)
    }

    @Test func `a backup that cannot be written leaves nothing behind`() async throws {
        let f = try await Fixture()
        let error = #expect(throws: StoreError.self) { try DatabaseFile(path: f.path).backup(to: f.directory + "/no/backup.db") }
        #expect(error?.code == .cannotWrite)
    }

    @Test func `a check finds rows that refer to nothing`() async throws {
        let f = try await Fixture()
        try await f.family()
        #expect(try DatabaseFile(path: f.path).problems() == [])
        do {
            let connection = try Connection.open(f.path, .readWrite)
            try connection.execute("PRAGMA foreign_keys = OFF; DELETE FROM clients;")
        }
        #expect(try DatabaseFile(path: f.path).problems() == ["grants: a row refers to a missing row of clients"])
    }

    @Test func `a restore refuses while anybody has the database open, and changes nothing`() async throws {
        let f = try await Fixture()
        let file = DatabaseFile(path: f.path)
        try file.backup(to: f.directory + "/backup.db")
        let staged = try file.stage(f.directory + "/backup.db")
        let error = #expect(throws: StoreError.self) { try file.replace(with: staged) }
        #expect(error?.code == .unavailable)
        #expect(try await f.users.user(named: "ada") == .ada)
        staged.discard()
    }

    @Test func `a restore brings back what was, with the log of a copy made by hand`() async throws {
        let f = try await Fixture()
        let file = DatabaseFile(path: f.path)
        // As somebody copies it who knows SQLite: the file and its log, before anything folded the log in.
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: f.path + suffix, toPath: f.directory + "/copy.db" + suffix)
        }
        try await f.users.remove(User.ada.id)
        await f.database.close()
        let staged = try file.stage(f.directory + "/copy.db")
        try file.replace(with: staged)
        let restored = try Database(path: f.path)
        #expect(try await SQLiteUserStore(restored).user(named: "ada") == .ada)
        await restored.close()
        #expect(try FileManager.default.attributesOfItem(atPath: f.path)[.posixPermissions] as? Int == 0o600)
        #expect(try !FileManager.default.contentsOfDirectory(atPath: f.directory).contains { $0.contains("restore") })
    }

    @Test(arguments: ["no database at all", ""])
    func `what is no database is refused, and nothing is left beside ours`(_ content: String) async throws {
        let f = try await Fixture()
        try Data(content.utf8).write(to: URL(filePath: f.directory + "/bad.db"))
        let error = #expect(throws: StoreError.self) { try DatabaseFile(path: f.path).stage(f.directory + "/bad.db") }
        #expect(error?.code == .incompatible)
        #expect(try !FileManager.default.contentsOfDirectory(atPath: f.directory).contains { $0.contains("restore") })
    }

    @Test func `a damaged page is found before the backup takes the place of anything`() async throws {
        let f = try await Fixture()
        try Self.fill(f.path, from: 0, count: 500)
        let copy = f.directory + "/backup.db"
        try DatabaseFile(path: f.path).backup(to: copy)
        let handle = try FileHandle(forUpdating: URL(filePath: copy))
        let size = try handle.seekToEnd()
        for page in stride(from: size / 4096 / 2, to: size / 4096, by: 1) {
            try handle.seek(toOffset: page * 4096)
            try handle.write(contentsOf: Data(repeating: 0x5A, count: 4096))
        }
        try handle.close()
        let error = #expect(throws: StoreError.self) { try DatabaseFile(path: f.path).stage(copy) }
        #expect(error?.code == .incompatible)
    }

    @Test func `a damaged database can be replaced`() async throws {
        let f = try await Fixture()
        let file = DatabaseFile(path: f.path)
        try file.backup(to: f.directory + "/backup.db")
        await f.database.close()
        try Data("ruined".utf8).write(to: URL(filePath: f.path))
        try file.replace(with: try file.stage(f.directory + "/backup.db"))
        #expect(try file.problems() == [])
    }

    private static func fill(_ path: String, from start: Int, count: Int) throws {
        let connection = try Connection.open(path, .readWrite)
        try connection.run("BEGIN IMMEDIATE")
        for index in start..<(start + count) {
            try connection.run(
                "INSERT INTO users (id, name, role, is_disabled, created_at) VALUES (?1, ?1, 'viewer', 0, 0)",
                [.text("fill\(index)")])
        }
        try connection.run("COMMIT")
    }
}

private final class Flag: Sendable {
    private let value = Monitor(false)
    var isSet: Bool { value.update { $0 } }
    func set() { value.update { $0 = true } }
}
