import Foundation
import Primitives
import Synchronization
import Testing

@testable import Vault

/// A rekey as the command does it, over a real key file, stopped after each of its steps (VLT-3).
@Suite final class RekeyTests {
    private let directory: String
    private let file: RootKeyFile
    private let store = MemoryVaultStore()
    private let server: CredentialVault
    private let ada = UserID("ada")

    init() async throws {
        directory = NSTemporaryDirectory() + "rekey-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = RootKeyFile(directory + "/root.key")
        self.file = file
        server = CredentialVault(
            rootKey: try RootKey.create(at: file.path), store: store, replacements: { file.candidates() })
        try await server.store(Secret("key of ada"), user: ada, engine: "qarnot", at: Timestamp(seconds: 1))
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// A process that starts now.
    private func fresh() throws -> CredentialVault {
        let file = file
        return CredentialVault(rootKey: try file.load(), store: store, replacements: { file.candidates() })
    }

    @Test(arguments: 0...3)
    func `stopped after any step, both a running and a new server read every key`(_ steps: Int) async throws {
        let old = try file.load()
        if steps >= 1 { _ = try file.prepareNext() }
        if steps >= 2 { #expect(try await server.rekey(to: try #require(file.next())) == 1) }
        if steps >= 3 { try file.adoptNext() }
        #expect(try await server.key(user: ada, engine: "qarnot")?.exposeText() == "key of ada")
        #expect(try await fresh().key(user: ada, engine: "qarnot")?.exposeText() == "key of ada")
        #expect(try await fresh().opens(with: old) == (steps < 2))
        #expect(file.hasNext == (1...2).contains(steps))
    }

    @Test func `a server that stored nothing before wraps a first key by the new root key`() async throws {
        let bob = UserID("bob")
        _ = try await fresh().rekey(to: try file.prepareNext())
        try file.adoptNext()
        try await server.store(Secret("key of bob"), user: bob, engine: "qarnot", at: Timestamp(seconds: 2))
        #expect(try await fresh().key(user: bob, engine: "qarnot")?.exposeText() == "key of bob")
        #expect(server.rootKeyID == (try file.load().id))
    }

    @Test func `a key wrapped by the former root key is not kept once it was replaced`() async throws {
        let bob = UserID("bob")
        let stale = try #require(store.rows.withLock { $0.serviceKey })
        let wrapped = try Envelope(file.load()).makeUserKey(for: bob, at: Timestamp(seconds: 1))
        _ = try await fresh().rekey(to: try file.prepareNext())
        try await store.insertUserKey(wrapped, under: stale)
        #expect(try await store.userKey(of: bob) == nil)
    }

    @Test func `an attempt that ended before wrapping uses the key it made`() throws {
        let first = try file.prepareNext()
        #expect(try file.prepareNext().id == first.id)
    }

    @Test func `a next key that was written in part is made anew`() throws {
        try Data("abc".utf8).write(to: URL(filePath: file.path + ".next"))
        let made = try file.prepareNext()
        #expect(file.next()?.id == made.id)
        #expect(try FileManager.default.attributesOfItem(atPath: file.path + ".next")[.posixPermissions] as? Int == 0o400)
    }

    @Test func `a key altered in the store stops a rekey, which changes nothing`() async throws {
        let before = store.rows.withLock { rows in
            let key = rows.keys[ada]!
            var bytes = key.wrapped
            bytes[15] ^= 1
            rows.keys[ada] = WrappedUserKey(user: ada, keyID: key.keyID, wrapped: bytes, createdAt: key.createdAt)
            return rows.serviceKey
        }
        let error = await #expect(throws: VaultError.self) { _ = try await self.server.rekey(to: .random()) }
        #expect(error?.code == .notAuthentic)
        #expect(store.rows.withLock { $0.serviceKey } == before)
    }

    @Test func `health counts records and names those that do not open`() async throws {
        try await server.store(Secret("other"), user: ada, engine: "tensorpool", at: Timestamp(seconds: 1))
        var health = try await server.health(opening: true)
        #expect(health.users == 1 && health.records == 2 && health.broken.isEmpty)
        store.rows.withLock { rows in
            let place = MemoryVaultStore.Place(ada, "qarnot")
            let old = rows.records[place]!
            rows.records[place] = VaultRecord(
                user: ada, engine: "qarnot", rowID: "moved", wrappedKey: old.wrappedKey, commitment: old.commitment,
                sealed: old.sealed, storedAt: old.storedAt)
        }
        health = try await server.health(opening: true)
        #expect(health.broken.map(\.engine) == ["qarnot"])
        #expect(try await server.health(opening: false).broken.isEmpty)
    }

    @Test func `the former key can be kept for the backups that need it`() throws {
        let id = try file.load().id
        try file.keep(at: directory + "/former.key")
        _ = try file.prepareNext()
        try file.adoptNext()
        #expect(try RootKey.load(directory + "/former.key").id == id)
        #expect(try file.load().id != id)
        let error = #expect(throws: VaultError.self) { try self.file.keep(at: self.directory + "/former.key") }
        #expect(error?.code == .exists)
    }
}
