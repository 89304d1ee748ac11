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
        try await f.database.backup(to: copy)
        #expect(try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
        try await f.users.remove(User.ada.id)
        let restored = try Database(path: copy)
        #expect(try await SQLiteUserStore(restored).user(named: "ada") == .ada)
        #expect(try await SQLiteTokenStore(restored).facts(of: .of("access-g1"))?.isActive == true)
        await restored.close()
    }

    @Test func `a backup never overwrites`() async throws {
        let f = try await Fixture()
        let error = await #expect(throws: StoreError.self) { try await f.database.backup(to: f.path) }
        #expect(error?.code == .conflict)
        #expect(try await f.users.user(named: "ada") == .ada)
    }

    @Test func `a check finds rows that refer to nothing`() async throws {
        let f = try await Fixture()
        try await f.family()
        #expect(try await f.database.check() == [])
        do {
            let connection = try Connection.open(f.path, .readWrite)
            try connection.execute("PRAGMA foreign_keys = OFF; DELETE FROM clients;")
        }
        #expect(try await f.database.check() == ["grants: a row refers to a missing row of clients"])
    }
}
