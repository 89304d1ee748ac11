import Foundation
import OAuth
import Primitives
import Testing
import Vault

@testable import Storage

@Suite struct VaultStoreTests {
    private let f: Fixture
    private let vault: CredentialVault
    private let credential = "qarnot-secret-0123456789abcdef"

    init() async throws {
        f = try await Fixture()
        vault = CredentialVault(rootKey: try .random(), store: SQLiteVaultStore(f.database))
        try await vault.verifyRootKey()
        try await vault.store(Secret(credential), user: User.ada.id, engine: "qarnot", at: .at(1))
    }

    @Test func `a credential survives reopening`() async throws {
        let root = try RootKey.random()
        let path = f.directory + "/other.db"
        let first = try Database(path: path)
        try await SQLiteUserStore(first).insert(.ada, passwordHash: nil)
        try await CredentialVault(rootKey: root, store: SQLiteVaultStore(first))
            .store(Secret(credential), user: User.ada.id, engine: "qarnot", at: .at(1))
        await first.close()
        let second = try Database(path: path)
        let again = CredentialVault(rootKey: root, store: SQLiteVaultStore(second))
        try await again.verifyRootKey()
        #expect(try await again.key(user: User.ada.id, engine: "qarnot")?.exposeText() == credential)
        await second.close()
    }

    @Test func `nothing of the credential is in the files`() async throws {
        await f.database.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: f.directory) {
            let content = try Data(contentsOf: URL(fileURLWithPath: f.directory + "/" + name))
            for start in stride(from: 0, to: 24, by: 6) {
                let piece = Data(credential.utf8.dropFirst(start).prefix(6))
                #expect(content.range(of: piece) == nil || piece == Data("qarnot".utf8))
            }
        }
    }

    @Test func `the status tells what the upstream said (VLT-5)`() async throws {
        let user = User.ada.id
        #expect(
            try await vault.status(user: user) == [VaultEntry(engine: "qarnot", storedAt: .at(1), lastOKAt: nil, isRejected: false)]
        )
        try await vault.mark(user: user, engine: "qarnot", rejected: false, at: .at(10))
        try await vault.mark(user: user, engine: "qarnot", rejected: false, at: .at(20))
        #expect(try await vault.status(user: user).first?.lastOKAt == .at(10))
        try await vault.mark(user: user, engine: "qarnot", rejected: true, at: .at(30))
        #expect(try await vault.status(user: user).first?.isRejected == true)
        try await vault.mark(user: user, engine: "qarnot", rejected: false, at: .at(40))
        #expect(
            try await vault.status(user: user) == [
                VaultEntry(engine: "qarnot", storedAt: .at(1), lastOKAt: .at(40), isRejected: false)
            ])
        try await vault.mark(user: user, engine: "qarnot", rejected: true, at: .at(50))
        try await vault.store(Secret("new"), user: user, engine: "qarnot", at: .at(60))
        #expect(
            try await vault.status(user: user) == [
                VaultEntry(engine: "qarnot", storedAt: .at(60), lastOKAt: nil, isRejected: false)
            ])
    }

    @Test func `removing a credential bumps the epoch (RT-7)`() async throws {
        let before = f.database.epoch.current
        #expect(try await vault.remove(user: User.ada.id, engine: "qarnot"))
        #expect(f.database.epoch.current == before + 1)
        #expect(try await !vault.remove(user: User.ada.id, engine: "qarnot"))
        #expect(try await vault.key(user: User.ada.id, engine: "qarnot") == nil)
    }

    @Test func `removing a user destroys their key and records (VLT-3)`() async throws {
        let store = SQLiteVaultStore(f.database)
        let wrapped = try #require(try await store.userKey(of: User.ada.id)).wrapped
        try await f.users.remove(User.ada.id)
        #expect(try await store.userKeys().isEmpty)
        #expect(try await vault.status(user: User.ada.id).isEmpty)
        // While the database is open: neither the file nor its log keeps a copy.
        for name in try FileManager.default.contentsOfDirectory(atPath: f.directory) {
            let content = try Data(contentsOf: URL(fileURLWithPath: f.directory + "/" + name))
            #expect(content.range(of: Data(wrapped)) == nil, "\(name)")
        }
    }

    @Test func `a credential for an unknown user is refused`() async throws {
        let error = await #expect(throws: VaultError.self) {
            try await vault.store(Secret("x"), user: UserID("nobody"), engine: "qarnot", at: .at(1))
        }
        #expect(error?.code == .unknownUser)
    }

    @Test func `the first credentials of a user stored at once share one key`() async throws {
        let bob = User(id: UserID("bob"), name: "bob", role: .viewer, isDisabled: false, createdAt: .at(0))
        try await f.users.insert(bob, passwordHash: nil)
        _ = try await concurrently(16) { [vault] index in
            try await vault.store(Secret("key \(index)"), user: bob.id, engine: "e\(index)", at: .at(1))
        }
        for index in 0..<16 {
            #expect(try await vault.key(user: bob.id, engine: "e\(index)")?.exposeText() == "key \(index)")
        }
    }

    @Test func `rekeying is all or nothing (VLT-3)`() async throws {
        let store = SQLiteVaultStore(f.database)
        let key = try #require(try await store.userKey(of: User.ada.id))
        let check = try #require(try await store.serviceKey())
        let stale = WrappedUserKey(user: key.user, keyID: key.keyID, wrapped: [1], createdAt: key.createdAt)
        #expect(try await !store.replaceKeys(serviceKey: (check, [9]), userKeys: [(stale, stale)]))
        #expect(try await !store.replaceKeys(serviceKey: (check, [9]), userKeys: []))
        #expect(try await store.serviceKey() == check)
        let newKey = try RootKey.random()
        #expect(try await vault.rekey(to: newKey) == 1)
        let new = CredentialVault(rootKey: newKey, store: store)
        #expect(try await new.key(user: User.ada.id, engine: "qarnot")?.exposeText() == credential)
    }
}
