import Primitives
import Synchronization
import Testing

@testable import Vault

@Suite struct CredentialVaultTests {
    private let store = MemoryVaultStore()
    private let root: RootKey
    private let vault: CredentialVault
    private let ada = UserID("ada")
    private let bob = UserID("bob")

    init() throws {
        root = try RootKey.random()
        vault = CredentialVault(rootKey: root, store: store)
    }

    private func fill() async throws {
        try await vault.store(Secret("key of ada"), user: ada, engine: "qarnot", at: Timestamp(seconds: 1))
        try await vault.store(Secret("other of ada"), user: ada, engine: "tensorpool", at: Timestamp(seconds: 1))
        try await vault.store(Secret("key of bob"), user: bob, engine: "qarnot", at: Timestamp(seconds: 1))
    }

    private func code(_ vault: CredentialVault, _ user: UserID, _ engine: String) async -> VaultError.Code? {
        do throws(VaultError) {
            _ = try await vault.key(user: user, engine: engine)
            return nil
        } catch { return error.code }
    }

    @Test func `a stored credential comes back, and the newest wins`() async throws {
        try await fill()
        #expect(try await vault.key(user: ada, engine: "qarnot")?.exposeText() == "key of ada")
        try await vault.store(Secret("newer"), user: ada, engine: "qarnot", at: Timestamp(seconds: 2))
        #expect(try await vault.key(user: ada, engine: "qarnot")?.exposeText() == "newer")
        #expect(try await vault.key(user: ada, engine: "tensorpool")?.exposeText() == "other of ada")
        #expect(try await vault.key(user: bob, engine: "tensorpool") == nil)
    }

    @Test func `a removed credential is gone`() async throws {
        try await fill()
        #expect(try await vault.remove(user: ada, engine: "qarnot"))
        #expect(try await !vault.remove(user: ada, engine: "qarnot"))
        #expect(try await vault.key(user: ada, engine: "qarnot") == nil)
    }

    @Test(arguments: [0, 8193])
    func `an empty or endless credential is refused`(_ count: Int) async throws {
        let error = await #expect(throws: VaultError.self) {
            try await vault.store(
                Secret([UInt8](repeating: 65, count: count)), user: ada, engine: "qarnot", at: Timestamp(seconds: 1))
        }
        #expect(error?.code == .malformed)
    }

    @Test(arguments: [
        ("ada", "tensorpool", "ada", "qarnot"), ("bob", "qarnot", "ada", "qarnot"), ("ada", "qarnot", "bob", "qarnot"),
    ])
    func `a record moved to another user or engine is refused (VLT-2)`(
        _ fromUser: String, _ fromEngine: String, _ toUser: String, _ toEngine: String
    ) async throws {
        try await fill()
        store.rows.withLock { rows in
            let moved = rows.records[.init(UserID(fromUser), fromEngine)]
            rows.records[.init(UserID(toUser), toEngine)] = moved
        }
        #expect(await code(vault, UserID(toUser), toEngine) == .notAuthentic)
    }

    @Test func `a record moved together with its user's key is refused (VLT-2)`() async throws {
        try await fill()
        store.rows.withLock { rows in
            rows.records[.init(ada, "qarnot")] = rows.records[.init(bob, "qarnot")]
            let key = rows.keys[bob]!
            rows.keys[ada] = WrappedUserKey(user: ada, keyID: key.keyID, wrapped: key.wrapped, createdAt: key.createdAt)
        }
        #expect(await code(vault, ada, "qarnot") == .notAuthentic)
    }

    enum Part: CaseIterable { case rowID, wrappedKey, commitment, nonce, cipher, tag, keyID, userKey }

    @Test(arguments: Part.allCases)
    func `an altered byte is refused`(_ part: Part) async throws {
        try await fill()
        store.rows.withLock { rows in
            let old = rows.records[.init(ada, "qarnot")]!
            let key = rows.keys[ada]!
            func flip(_ bytes: [UInt8], _ index: Int, when isMeant: Bool) -> [UInt8] {
                var bytes = bytes
                if isMeant { bytes[index < 0 ? bytes.count + index : index] ^= 1 }
                return bytes
            }
            var sealed = flip(old.sealed, 0, when: part == .nonce)
            sealed = flip(flip(sealed, 12, when: part == .cipher), -1, when: part == .tag)
            rows.records[.init(ada, "qarnot")] = VaultRecord(
                user: old.user, engine: old.engine, rowID: part == .rowID ? "x" : old.rowID,
                wrappedKey: flip(old.wrappedKey, 20, when: part == .wrappedKey),
                commitment: flip(old.commitment, 0, when: part == .commitment), sealed: sealed, storedAt: old.storedAt)
            rows.keys[ada] = WrappedUserKey(
                user: ada, keyID: part == .keyID ? "x" : key.keyID, wrapped: flip(key.wrapped, 15, when: part == .userKey),
                createdAt: key.createdAt)
        }
        #expect(await code(vault, ada, "qarnot") == .notAuthentic)
    }

    @Test func `a wrong root key is told from an altered record`() async throws {
        try await vault.verifyRootKey()
        try await fill()
        let other = CredentialVault(rootKey: try .random(), store: store)
        let error = await #expect(throws: VaultError.self) { try await other.verifyRootKey() }
        #expect(error?.code == .wrongRootKey)
        #expect(await code(other, ada, "qarnot") == .wrongRootKey)
        await #expect(throws: VaultError.self) {
            try await other.store(Secret("x"), user: UserID("carl"), engine: "qarnot", at: Timestamp(seconds: 1))
        }
        #expect(store.rows.withLock { $0.keys[UserID("carl")] } == nil)
        try await vault.verifyRootKey()
    }

    @Test func `rekeying opens everything with the new key and nothing with the old (VLT-3)`() async throws {
        try await fill()
        let records = store.rows.withLock { $0.records }
        let newKey = try RootKey.random()
        let pepper = try await vault.deriveKey(purpose: "pepper")
        #expect(try await vault.rekey(to: newKey) == 2)
        #expect(store.rows.withLock { $0.records } == records)
        let new = CredentialVault(rootKey: newKey, store: store)
        try await new.verifyRootKey()
        #expect(try await new.deriveKey(purpose: "pepper").exposeText() == pepper.exposeText())
        #expect(try await new.deriveKey(purpose: "cookie").exposeText() != pepper.exposeText())
        #expect(try await new.key(user: bob, engine: "qarnot")?.exposeText() == "key of bob")
        #expect(await code(vault, bob, "qarnot") == .wrongRootKey)
    }

    @Test func `no two credentials share a nonce, a row id or a ciphertext`() async throws {
        var seen: Set<[UInt8]> = []
        var ids: Set<String> = []
        for _ in 0..<20 {
            try await vault.store(Secret("same"), user: ada, engine: "qarnot", at: Timestamp(seconds: 1))
            let record = try #require(store.rows.withLock { $0.records[.init(ada, "qarnot")] })
            seen.insert(record.sealed)
            ids.insert(record.rowID)
        }
        #expect(seen.count == 20 && ids.count == 20)
    }
}
